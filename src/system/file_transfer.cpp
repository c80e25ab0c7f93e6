// bide/system: bytes of a file at an offset, read or written in one await.
#include <bide/detail/system/file_transfer.hpp>

#include <bide/detail/os/ops.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "system/file_core.hpp"
#include "system/worker_call.hpp"

namespace bide::detail {

namespace {

// What is read where it is awaited holds up the loop: this much takes about 50 us.
constexpr std::size_t inline_limit = 256 * 1024;
constexpr std::uint32_t least_charge = 4096;

const op_kind& kind_for(const file_core& file, transfer_kind kind, std::size_t size) noexcept {
    if (kind == transfer_kind::read)
        return size > inline_limit && !file.flags.direct ? pread_large_op : pread_op;
    return file.flags.direct ? pwrite_op : pwrite_cached_op;
}

}  // namespace

file_transfer::file_transfer(file_ref file, transfer_kind kind, std::uint64_t offset, void* data,
                             std::size_t size) noexcept
    : file_(std::move(file)),
      state_{{&io_wait},
             {.kind = nullptr, .args = {.fd = -1, .flags = 0, .data = data, .size = size, .offset = offset}}},
      kind_(kind) {}

bool file_transfer::await_ready() {
    const bool reads = kind_ == transfer_kind::read;
    check_file(file_.get(), reads ? "read_at" : "write_at", reads ? file_use::to_read : file_use::to_write);
    if (!reads || must_throw(running_task()) || !read_cached()) return false;
    state_.request.state = op_state::done;
    const auto charge = static_cast<std::uint32_t>(std::max<std::size_t>(moved_, least_charge));
    if (charge < file_->budget) {
        file_->budget -= charge;
        return true;
    }
    file_->budget = file_core::inline_budget;
    return false;
}

// True: all there is to read was read.
bool file_transfer::read_cached() noexcept {
    const op_args& args = state_.request.args;
    if (!file_->inline_reads || file_->flags.direct || args.size > inline_limit) return false;
    while (moved_ < args.size) {
        const int got = sys::read_cached(file_->fd, static_cast<char*>(args.data) + moved_,
                                         args.size - moved_, args.offset + moved_);
        if (got < 0) {
            if (got != -EAGAIN) file_->inline_reads = false;  // the operation tells why
            return false;
        }
        if (got == 0) break;
        moved_ += static_cast<std::size_t>(got);
    }
    return true;
}

void file_transfer::await_suspend(std::coroutine_handle<> frame) {
    task_base& task = running_task();
    op_request& request = state_.request;
    request.kind = &kind_for(*file_, kind_, request.args.size);
    if (request.state == op_state::done) {  // it was read, and this is the turn for others
        task.frame = frame.address();
        task.waiting_on = &state_;
        task.request = &request;
        make_ready(task, *task.loop);
        return;
    }
    request.args.fd = file_->fd;
    request.args.data = static_cast<char*>(request.args.data) + moved_;
    request.args.size -= moved_;
    request.args.offset += moved_;
    ++file_->in_flight;
    in_flight_ = true;
    submit_io(task, state_, frame);
}

void file_transfer::come_back() noexcept {
    in_flight_ = false;
    file_->end_operation();
}

void file_transfer::finish() {
    if (in_flight_) come_back();
    if (state_.request.result >= 0) {
        moved_ += static_cast<std::size_t>(std::exchange(state_.request.result, 0));
        return;
    }
    task_base& task = running_task();
    if (ended_by_cancel(task, state_.request)) throw_cancelled(task);
}

std::size_t file_transfer::await_resume() {
    finish();
    const int result = state_.request.result;
    if (result < 0) [[unlikely]]
        throw_file_error(-result, kind_ == transfer_kind::read ? "read" : "write", file_->path);
    return moved_;
}

result<std::size_t> file_transfer::await_result() {
    finish();
    const int error = state_.request.result;
    if (error < 0) return result<std::size_t>::failure(std::error_code(-error, std::generic_category()));
    return moved_;
}

}  // namespace bide::detail
