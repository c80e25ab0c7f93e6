// bide/system: open and close files, and what is neither reading nor writing.
#include <bide/file.hpp>

#include <bide/detail/base/scope_guard.hpp>
#include <bide/error.hpp>

#include <cerrno>
#include <new>
#include <stdexcept>

#include "loop/loop_core.hpp"
#include "os/fd.hpp"
#include "os/sock.hpp"
#include "system/file_core.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide {

namespace detail {

namespace {

// Gives up what was read ahead or waits to be written, so that the position alone says where the file is.
coro<void> settle(file_core& file, const char* call) {
    co_await write_out(file, call);
    file.writing = false;
    file.drop_ahead();
}

coro<std::uint64_t> seek_to(file_ref file, std::int64_t offset, seek_from whence) {
    std::int64_t base = 0;
    const file_use use(file, "seek", file_use::any_use);
    const auto turn = co_await file->turn.scoped();
    use.check_open("seek");
    if (!file->seekable) throw_file_error(ESPIPE, "seek", file->path);
    co_await write_out(*file, "seek");
    if (whence == seek_from::current) base = static_cast<std::int64_t>(file->position);
    if (whence == seek_from::end) {
        file_record record;
        const int fd = file->fd;
        co_await on_worker("seek", file->path, [&] { return sys::describe_open(fd, record); });
        base = static_cast<std::int64_t>(record.size);
    }
    std::int64_t target = 0;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) {
        throw std::invalid_argument(about("seek", file->path) + ": " + std::to_string(offset) +
                                    " from byte " + std::to_string(base) + " is no position in a file");
    }
    const auto to = static_cast<std::uint64_t>(target);
    if (to >= file->position && to - file->position <= file->ahead()) {
        file->skip(static_cast<std::size_t>(to - file->position));
    } else {
        file->drop_ahead();
        file->position = to;
    }
    file->text.restart(to);
    co_return to;
}

coro<void> truncate_to(file_ref file, std::optional<std::uint64_t> size) {
    const file_use use(file, "truncate", file_use::to_write);
    const auto turn = co_await file->turn.scoped();
    use.check_open("truncate");
    co_await settle(*file, "truncate");
    const std::uint64_t target = size.value_or(file->position);
    const int fd = file->fd;
    co_await on_worker("truncate", file->path, [&] { return sys::truncate_open(fd, target); });
}

coro<void> flush_file(file_ref file) {
    const file_use use(file, "flush");
    const auto turn = co_await file->turn.scoped();
    use.check_open("flush");
    co_await write_out(*file, "flush");
}

coro<void> sync_file(file_ref file, bool data_only) {
    const char* const call = data_only ? "fdatasync" : "fsync";
    const file_use use(file, call);
    const auto turn = co_await file->turn.scoped();
    use.check_open(call);
    co_await write_out(*file, call);
    const int fd = file->fd;
    co_await on_worker(call, file->path, [&] { return sys::sync_open(fd, data_only); });
}

coro<file_status> describe_file(file_ref file) {
    file_record record;
    const file_use use(file, "stat");
    const int fd = file->fd;
    co_await on_worker("stat", file->path, [&] { return sys::describe_open(fd, record); });
    co_return file_status(record);
}

// What is left of the buffer when its last chance has come: a cancellation loses nothing, a failure is the answer.
coro<void> last_write(file_ref file, std::exception_ptr& error) {
    const file_use use(file, "close");
    const auto turn = co_await file->turn.scoped();
    if (file->closed) co_return;
    try {
        co_await write_out(*file, "close");
    } catch (const cancelled_error&) {
        error = std::current_exception();
        file->write_out_now();
    } catch (...) { error = std::current_exception(); }
    file->drop_ahead();
    file->closed = true;
}

coro<void> close_file(file_ref file) {
    std::exception_ptr error;
    if (!file || file->closed) co_return;
    const file_ref kept = file;  // or the descriptor would be closed on this thread
    ++file->in_flight;
    const scope_guard leave([&]() noexcept { file->end_operation(); });
    co_await last_write(file, error);
    if (file->in_flight == 1 && file->fd >= 0) {
        if (this_loop != nullptr) this_loop->loop->forget(file->fd);
        unique_fd last(std::exchange(file->fd, -1));
        if (!error) {
            co_await on_worker("close", file->path,
                               [&]() noexcept { return sys::close_descriptor(last.release()); });
        }
    }
    if (error) std::rethrow_exception(error);
}

coro<file> open_file(std::string path, std::string mode, const open_options options) {
    opened_file made;
    check_path("open", path);
    open_flags flags = parse_mode(mode);
    flags.permissions = options.permissions();
    flags.direct = options.direct();
    flags.no_follow = options.no_follow();
    unique_fd owner;
    co_await on_worker("open", path, [&] {
        const int result = sys::open_file(path.c_str(), flags, made);
        owner.reset(made.fd);
        return result;
    });
    file_ref core(new file_core(std::move(path), std::move(mode), flags, options, made));
    static_cast<void>(owner.release());
    co_return file(std::move(core));
}

const file_core& open_core(const file_ref& file, const char* call) {
    check_file(file.get(), call, file_use::any_use);
    return *file;
}

}  // namespace
}  // namespace detail

coro<file> open(std::string path, std::string mode, open_options options) {
    return detail::open_file(std::move(path), std::move(mode), options);
}

coro<std::uint64_t> file::seek(std::int64_t offset, seek_from whence) {
    return detail::seek_to(core_, offset, whence);
}
std::uint64_t file::tell() const { return detail::open_core(core_, "tell").position; }
coro<void> file::truncate() { return detail::truncate_to(core_, std::nullopt); }
coro<void> file::truncate(std::uint64_t size) { return detail::truncate_to(core_, size); }
coro<void> file::flush() { return detail::flush_file(core_); }
coro<void> file::fsync() { return detail::sync_file(core_, false); }
coro<void> file::fdatasync() { return detail::sync_file(core_, true); }
coro<void> file::close() { return detail::close_file(core_); }
coro<file_status> file::stat() { return detail::describe_file(core_); }

bool file::closed() const noexcept { return !core_ || core_->closed; }
bool file::readable() const { return detail::open_core(core_, "readable").flags.read; }
bool file::writable() const { return detail::open_core(core_, "writable").flags.write; }
bool file::seekable() const { return detail::open_core(core_, "seekable").seekable; }
bool file::isatty() const { return detail::sys::is_terminal(detail::open_core(core_, "isatty").fd); }
const std::string& file::name() const { return detail::open_core(core_, "name").path; }
const std::string& file::mode() const { return detail::open_core(core_, "mode").mode; }
int file::fileno() const noexcept { return closed() ? -1 : core_->fd; }

aligned_buffer::aligned_buffer(std::size_t size) : size_((size + alignment - 1) / alignment * alignment) {
    data_ = static_cast<std::byte*>(::operator new(size_, std::align_val_t(alignment)));
}
aligned_buffer::~aligned_buffer() { ::operator delete(data_, std::align_val_t(alignment)); }

}  // namespace bide
