// bide/os: every operation, one line each; src/os/ops/<name>.cpp defines it.
#pragma once

#include <bide/detail/os/op.hpp>

// Descriptors that are waited for are in O_NONBLOCK mode: the readiness form of most operations would block the loop
// otherwise. Sockets need not be for recv_op, send_op, recvmsg_op and sendmsg_op, which ask not to wait call by call.
namespace bide::detail {

extern const op_kind poll_read_op;   // wait until args.fd is readable; result: the poll(2) events
extern const op_kind poll_write_op;  // wait until args.fd is writable; result: the poll(2) events
extern const op_kind read_op;        // read(2) at the current position: fd, data, size
extern const op_kind write_op;       // write(2) at the current position: fd, data, size
extern const op_kind recv_op;        // recv(2): fd, data, size, flags
extern const op_kind send_op;        // send(2): fd, data, size, flags
extern const op_kind accept_op;      // accept4(2): fd, data (sockaddr or null), offset (socklen_t* or 0)
extern const op_kind connect_op;     // connect(2): fd, data (sockaddr), size (its length)
extern const op_kind recvmsg_op;     // recvmsg(2): fd, data (msghdr), flags
extern const op_kind sendmsg_op;     // sendmsg(2): fd, data (msghdr), flags
extern const op_kind sendfile_op;  // sendfile(2): fd, flags (the file's descriptor), offset in the file, size

}  // namespace bide::detail
