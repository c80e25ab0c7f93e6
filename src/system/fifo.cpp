// bide/system: wait for the other end of a FIFO without a thread.
#include "system/fifo.hpp"

#include <bide/as_result.hpp>

#include "system/worker_call.hpp"

namespace bide::detail {

coro<void> wait_for_writer(int fd, const std::string& path) {
    op_args args;
    args.fd = fd;
    const auto came = co_await as_result(io_awaiter(poll_read_op, args));
    if (!came) throw_file_error(came.error().value(), "read", path);
}

}  // namespace bide::detail
