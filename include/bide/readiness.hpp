// bide/core: wait until a descriptor that somebody else owns can be read or written.
#pragma once

#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>

namespace bide {

/// Suspends until the descriptor is readable (writable), at its end, or in error: until a read (write) would not block.
/// For libraries that do their own input and output; not for regular files. Several tasks may wait for one descriptor.
/// Returns: the poll(2) events. Throws: std::system_error for a bad descriptor.
/// Cancellation: the wait ends; a descriptor that became ready is ready for the next call as well.
/// Threads: the loop's. Whoever closes the descriptor calls event_loop::forget() first.
/// Python: none in asyncio (loop.add_reader with a future). Source: poll(2).
[[nodiscard]] inline detail::io_awaiter wait_readable(int fd) noexcept {
    return {detail::poll_read_op, detail::op_args{.fd = fd}};
}
[[nodiscard]] inline detail::io_awaiter wait_writable(int fd) noexcept {
    return {detail::poll_write_op, detail::op_args{.fd = fd}};
}

}  // namespace bide
