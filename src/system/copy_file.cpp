// bide/system: copy a file.
#include <bide/whole_file.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

#include "os/fd.hpp"
#include "os/file_calls.hpp"
#include "os/path_calls.hpp"
#include "os/sock.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide {

namespace {

using detail::check_path;
using detail::on_worker;
using detail::open_flags;
using detail::opened_file;
using detail::unique_fd;
namespace sys = detail::sys;

constexpr std::size_t trip = 4 * detail::largest_piece;  // the kernel copies faster

struct copying {
    unique_fd from;
    unique_fd to;
    detail::file_record source;
    bool to_regular = false;
    const char* at = nullptr;  // the path that is at work while both are opened
    bool refused = false;      // ... is of what is no file that can be copied
    std::uint64_t count = 0;
    bool done = false;
};

// What comes or goes only once is not copied: bytes that are read and cannot be written would be lost. A FIFO is not even
// opened, which its other end would notice.
int refuse(copying& work) noexcept {
    work.refused = true;
    return -ESPIPE;
}

int open_unless_fifo(copying& work, const char* path, const open_flags& flags, opened_file& made) noexcept {
    work.at = path;
    detail::file_record found;
    const bool there = sys::describe(path, true, found) == 0;
    if (there && !flags.exclusive && found.kind == detail::file_kind::pipe) return refuse(work);
    return sys::open_file(path, flags, made);
}

int open_both(copying& work, const char* from, const char* to, if_exists existing) noexcept {
    opened_file source;
    opened_file target;
    open_flags flags;
    flags.read = true;
    int result = open_unless_fifo(work, from, flags, source);
    work.from.reset(source.fd);
    if (result < 0) return result;
    if (!source.seekable) return refuse(work);
    flags.read = false;
    flags.write = flags.create = true;
    flags.exclusive = existing == if_exists::fail;
    flags.permissions = source.record.permissions & 0777U;
    result = open_unless_fifo(work, to, flags, target);  // not truncated yet: it may be the same file
    work.to.reset(target.fd);
    if (result < 0) return result;
    if (!target.seekable) return refuse(work);
    work.at = nullptr;
    if (source.record.device == target.record.device && source.record.inode == target.record.inode)
        return -EINVAL;
    work.source = source.record;
    work.to_regular = target.record.kind == detail::file_kind::regular;
    if (!work.to_regular) return 0;
    // Nobody is to read the content there who may not read it here. May fail in a file of somebody else's.
    const std::uint32_t both = target.record.permissions & source.record.permissions;
    if (both != target.record.permissions) static_cast<void>(sys::change_mode_open(target.fd, both));
    return sys::truncate_open(target.fd, 0);
}

// After the content: in a file of somebody else's it may fail.
int finish_copy(copying& work) noexcept {
    const int result = work.to_regular ? sys::take_over_permissions(work.to.get(), work.source) : 0;
    work.done = true;
    const int closed = sys::close_descriptor(work.to.release());
    return result < 0 ? result : closed;
}

int copy_more(copying& work, const char* from, const char* to, if_exists existing) noexcept {
    if (!work.to) {
        if (const int result = open_both(work, from, to, existing); result < 0) return result;
    }
    for (std::size_t moved = 0; moved < trip;) {
        const std::int64_t count = sys::copy_bytes(work.from.get(), work.to.get(), trip - moved);
        if (count < 0) return static_cast<int>(count);
        if (count == 0) return finish_copy(work);
        moved += static_cast<std::size_t>(count);
        work.count += static_cast<std::uint64_t>(count);
    }
    return 0;
}

[[noreturn]] void throw_copy_error(int error, const copying& work, const std::string& from,
                                   const std::string& to) {
    std::string text = "copy '" + from + "' to '" + to + "'";
    if (work.at != nullptr) text += work.refused ? ": " : ": open ";
    if (work.at != nullptr) text += "'" + std::string(work.at) + "'";
    if (work.refused) {
        text += " is a pipe, socket or terminal; open() it and read or write it piece by piece";
    } else if (error == EINVAL) {
        text += " (the same file?)";
    }
    throw std::system_error(error, std::generic_category(), text);
}

}  // namespace

coro<std::uint64_t> copy_file(std::string from, std::string to, if_exists existing) {
    copying work;
    check_path("copy", from);
    check_path("copy", to);
    while (!work.done) {
        const int result = co_await on_worker(
            [&]() noexcept { return copy_more(work, from.c_str(), to.c_str(), existing); });
        if (result < 0) throw_copy_error(-result, work, from, to);
    }
    co_return work.count;
}

}  // namespace bide
