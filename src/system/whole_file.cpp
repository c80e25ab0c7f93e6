// bide/system: read and write whole files in one call.
//
// A trip to a worker thread costs more than opening, reading and closing a small file, so one trip does all of it. Large
// files take several, between which the task can be cancelled.
#include <bide/whole_file.hpp>

#include <bide/as_result.hpp>
#include <bide/detail/base/scope_guard.hpp>
#include <bide/sleep.hpp>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "loop/loop_core.hpp"
#include "os/fd.hpp"
#include "os/file_calls.hpp"
#include "os/path_calls.hpp"
#include "os/sock.hpp"
#include "system/fifo.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide {

namespace {

using detail::about;
using detail::check_path;
using detail::largest_piece;
using detail::on_worker;
using detail::open_flags;
using detail::opened_file;
using detail::throw_file_error;
using detail::unique_fd;
namespace sys = detail::sys;

// The state of a call that goes to worker threads several times. `doing` names the step that failed.
struct progress {
    unique_fd fd;
    opened_file made;
    const char* doing = "open";
    bool done = false;
    bool no_reader = false;  // of a FIFO: to be opened again

    int open(const char* path, const open_flags& flags) noexcept {
        doing = "open";
        const int result = sys::open_file(path, flags, made);
        fd.reset(made.fd);
        no_reader = result == -ENXIO && sys::describe(path, true, made.record) == 0 &&
                    made.record.kind == detail::file_kind::pipe;
        return no_reader ? 0 : result;
    }
    int close() noexcept {
        doing = "close";
        done = true;
        return sys::close_descriptor(fd.release());
    }
};

int read_more(progress& file, const char* path, std::string& bytes, std::size_t limit) {
    if (!file.fd) {
        open_flags flags;
        flags.read = true;
        const int result = file.open(path, flags);
        if (result < 0 || !file.made.seekable) return result;
    }
    file.doing = "read";
    const std::size_t before = bytes.size();
    const std::uint64_t known = std::max<std::uint64_t>(file.made.record.size, before);
    // One byte more than is expected shows that the end has come, or that the file grows.
    const std::size_t asked =
        std::min<std::uint64_t>(std::max<std::uint64_t>(known - before + 1, 4096), largest_piece);
    bytes.resize(before + asked);
    int after = 0;  // what ended it is no end of the file
    const int count = sys::read_file_at(file.fd.get(), bytes.data() + before, asked, before, &after);
    bytes.resize(before + static_cast<std::size_t>(std::max(count, 0)));
    if (count < 0) return count;
    if (after < 0) return after;
    if (bytes.size() > limit) return -EFBIG;
    return static_cast<std::size_t>(count) < asked ? file.close() : 0;
}

// Before the descriptor of a pipe or terminal is closed.
void forget(const unique_fd& fd) noexcept {
    if (detail::this_loop != nullptr) detail::this_loop->loop->forget(fd.get());
}

coro<void> read_stream(progress& file, const std::string& path, std::string& bytes, std::size_t limit) {
    constexpr std::size_t chunk = 65536;
    const unique_fd& fd = file.fd;
    const detail::scope_guard leave([&]() noexcept { forget(fd); });
    if (file.made.before_writer) co_await detail::wait_for_writer(fd.get(), path);
    for (;;) {
        const std::size_t before = bytes.size();
        bytes.resize(before + chunk);
        detail::op_args args;
        args.fd = fd.get();
        args.data = bytes.data() + before;
        args.size = chunk;
        const auto count = co_await as_result(detail::io_awaiter(detail::read_op, args));
        if (!count) throw_file_error(count.error().value(), "read", path);
        bytes.resize(before + *count);
        if (bytes.size() > limit) throw_file_error(EFBIG, "read", path);
        if (*count == 0) break;
    }
}

// A new file beside another one, which it is to replace. Removed when nothing came of it.
struct replacement : detail::file_beside {
    ~replacement() {
        if (!name.empty()) sys::remove_name(name.c_str());
    }
};

int open_to_write(progress& file, const char* path, const write_options& options, replacement* beside) {
    if (beside != nullptr) {
        file.doing = "replace";
        const int result = sys::open_beside(path, options.permissions(), *beside, file.made);
        file.fd.reset(file.made.fd);
        return result;
    }
    open_flags flags;
    flags.write = flags.create = true;
    flags.append = options.append();
    flags.truncate = !options.append();
    flags.permissions = options.permissions();
    return file.open(path, flags);
}

int write_piece(progress& file, const std::string& bytes, std::size_t& put, bool append) noexcept {
    file.doing = "write";
    const std::size_t size = std::min(bytes.size() - put, largest_piece);
    std::uint64_t end = 0;
    const int fd = file.fd.get();
    const int count = append ? sys::write_at_end(fd, bytes.data() + put, size, end)
                             : sys::write_file_at(fd, bytes.data() + put, size, put);
    if (count > 0) put += static_cast<std::size_t>(count);
    return count;
}

int finish_replacing(progress& file, const write_options& options, replacement& beside) {
    if (beside.replaced) {
        file.doing = "set the permissions of";
        if (const int result = sys::take_over_rights(file.fd.get(), *beside.replaced); result < 0)
            return result;
    }
    file.doing = "fsync";
    if (const int result = sys::sync_open(file.fd.get(), false); result < 0) return result;
    if (const int result = file.close(); result < 0) return result;
    file.doing = "rename";
    const int result = sys::rename_path(beside.name.c_str(), beside.target.c_str(), true);
    if (result < 0) return result;
    beside.name.clear();
    file.doing = "fsync the folder of";
    return options.sync() ? sys::sync_folder_of(beside.target.c_str()) : 0;
}

int finish_writing(progress& file, const write_options& options) noexcept {
    file.doing = "fsync";
    const int result = options.sync() ? sys::sync_open(file.fd.get(), false) : 0;
    return result < 0 ? result : file.close();
}

int write_more(progress& file, const char* path, const std::string& bytes, std::size_t& put,
               const write_options& options, replacement* beside) {
    if (!file.fd) {
        const int result = open_to_write(file, path, options, beside);
        if (result < 0 || file.no_reader || !file.made.seekable) return result;
    }
    if (const int result = write_piece(file, bytes, put, options.append()); result < 0) return result;
    if (put < bytes.size()) return 0;
    return beside == nullptr ? finish_writing(file, options) : finish_replacing(file, options, *beside);
}

coro<void> write_stream(unique_fd& fd, const std::string& path, const std::string& bytes) {
    std::size_t put = 0;
    const detail::scope_guard leave([&]() noexcept { forget(fd); });
    while (put < bytes.size()) {
        detail::op_args args;
        args.fd = fd.get();
        args.data = const_cast<char*>(bytes.data()) + put;  // the record serves reads as well
        args.size = bytes.size() - put;
        const auto count = co_await as_result(detail::io_awaiter(detail::write_op, args));
        if (!count) throw_file_error(count.error().value(), "write", path);
        put += *count;
    }
}

}  // namespace

coro<std::string> read_file(std::string path, std::size_t limit) {
    std::string bytes;
    check_path("open", path);
    progress file;
    do {
        const int result = co_await on_worker([&] { return read_more(file, path.c_str(), bytes, limit); });
        if (result < 0) throw_file_error(-result, file.doing, path);
        if (file.fd && !file.made.seekable) {
            co_await read_stream(file, path, bytes, limit);
            break;
        }
    } while (!file.done);
    co_return bytes;
}

coro<void> write_file(std::string path, std::string data, write_options options) {
    std::size_t put = 0;
    check_path("open", path);
    const write_options& how = options;
    if (how.atomic() && how.append()) {
        throw std::invalid_argument(about("write", path) +
                                    ": a file cannot be replaced and appended to at once; choose one");
    }
    replacement beside;
    replacement* const replacing = how.atomic() ? &beside : nullptr;
    progress file;
    detail::fifo_pause pause;
    do {
        if (file.no_reader) co_await sleep(pause.next());
        const int result =
            co_await on_worker([&] { return write_more(file, path.c_str(), data, put, how, replacing); });
        if (result < 0) throw_file_error(-result, file.doing, path);
        if (file.fd && !file.made.seekable) {
            co_await write_stream(file.fd, path, data);
            break;
        }
    } while (!file.done);
}

}  // namespace bide
