// bide/os: every operation, one line each; src/os/ops/<name>.cpp defines it.
#pragma once

#include <bide/detail/os/op.hpp>

// Descriptors that are waited for are in O_NONBLOCK mode: the readiness form of read_op and write_op would block the
// loop otherwise. Sockets need not be: recv_op and send_op ask not to wait call by call.
namespace bide::detail {

extern const op_kind poll_read_op;   // wait until args.fd is readable; result: the poll(2) events
extern const op_kind poll_write_op;  // wait until args.fd is writable; result: the poll(2) events
extern const op_kind read_op;        // read(2) at the current position: fd, data, size
extern const op_kind write_op;       // write(2) at the current position: fd, data, size
extern const op_kind recv_op;        // recv(2): fd, data, size, flags
extern const op_kind send_op;        // send(2): fd, data, size, flags

}  // namespace bide::detail
