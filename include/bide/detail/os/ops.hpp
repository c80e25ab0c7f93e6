// bide/os: every operation, one line each; src/os/ops/<name>.cpp defines it.
#pragma once

#include <bide/detail/os/op.hpp>

// Descriptors that are waited for are in O_NONBLOCK mode: the readiness form of most operations would block the loop
// otherwise. Sockets need not be for recv_op, send_op, recvmsg_op and sendmsg_op, which ask not to wait call by call.
namespace bide::detail {

extern const op_kind poll_read_op;       // wait until args.fd is readable; result: the poll(2) events
extern const op_kind poll_write_op;      // wait until args.fd is writable; result: the poll(2) events
extern const op_kind poll_own_read_op;   // the same, on a descriptor that nobody else closes
extern const op_kind poll_own_write_op;  // the same, on a descriptor that nobody else closes
extern const op_kind read_op;            // read(2) at the current position: fd, data, size
extern const op_kind write_op;           // write(2) at the current position: fd, data, size
extern const op_kind recv_op;            // recv(2): fd, data, size, flags
extern const op_kind recv_wait_op;       // wait until recv(2) would not: result 0 at the end, else above 0
extern const op_kind recv_lent_op;       // recv(2) into memory that the backend lends: fd, size; see op_kind
extern const op_kind send_op;            // send(2): fd, data, size, flags
extern const op_kind accept_op;          // accept4(2): fd, data (sockaddr or null), offset (socklen_t* or 0)
extern const op_kind connect_op;         // connect(2): fd, data (sockaddr), size (its length)
extern const op_kind recvmsg_op;         // recvmsg(2): fd, data (msghdr), flags
extern const op_kind sendmsg_op;         // sendmsg(2): fd, data (msghdr), flags
extern const op_kind sendfile_op;  // sendfile(2): fd, flags (the file's descriptor), offset in the file, size
extern const op_kind poll_hangup_op;  // wait until nobody has the other end; result: the poll(2) events
extern const op_kind wait_child_op;   // wait, on a worker thread, until the child args.offset (a pid) ends
extern const op_kind bell_op;  // wait until another process rings: fd, data (its word); see os/bell.hpp

// On files, which are always ready: these wait for a worker thread or for the device.
extern const op_kind call_op;           // any call that blocks: data (blocking_call); result: what it returns
extern const op_kind pread_op;          // pread(2): fd, data, size, offset; fewer bytes only at the end
extern const op_kind pread_large_op;    // the same, always on a worker thread
extern const op_kind pwrite_op;         // pwrite(2): fd, data, size, offset; fewer bytes only before an error
extern const op_kind pwrite_cached_op;  // the same, always on a worker thread

}  // namespace bide::detail
