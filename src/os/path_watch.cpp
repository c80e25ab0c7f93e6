// bide/os: what happens to files, as the kernel tells it (inotify).
#include "os/path_watch.hpp"

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>

namespace bide::detail {

namespace {

constexpr std::uint32_t wanted = IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
                                 IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;

struct translation {
    std::uint32_t native;
    path_change change;
};
constexpr translation table[] = {
    {IN_CREATE, path_change::created},       {IN_DELETE, path_change::removed},
    {IN_MODIFY, path_change::modified},      {IN_CLOSE_WRITE, path_change::written},
    {IN_ATTRIB, path_change::attributes},    {IN_MOVED_FROM, path_change::moved_from},
    {IN_MOVED_TO, path_change::moved_to},    {IN_DELETE_SELF, path_change::self_removed},
    {IN_MOVE_SELF, path_change::self_moved}, {IN_Q_OVERFLOW, path_change::overflow},
    {IN_IGNORED, path_change::unwatched},
};

}  // namespace

int path_watch::open() noexcept {
    fd_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    return fd_ ? 0 : -errno;
}

int path_watch::add(const char* path) noexcept {
    const int watch = ::inotify_add_watch(fd_.get(), path, wanted);
    return watch < 0 ? -errno : watch;
}

int path_watch::add_folder(const char* path) noexcept {
    const int watch = ::inotify_add_watch(fd_.get(), path, wanted | IN_ONLYDIR | IN_DONT_FOLLOW);
    return watch < 0 ? -errno : watch;
}

int path_watch::remove(int watch) noexcept { return ::inotify_rm_watch(fd_.get(), watch) < 0 ? -errno : 0; }

void path_watch::parse(const char* bytes, std::size_t size, std::vector<path_event>& events) {
    for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
        inotify_event head;
        std::memcpy(&head, bytes + at, sizeof head);
        const char* const name = bytes + at + sizeof head;
        at += sizeof head + head.len;
        for (const translation& each : table) {
            if ((head.mask & each.native) == 0) continue;
            path_event event;
            event.what = each.change;
            event.folder = (head.mask & IN_ISDIR) != 0;
            event.watch = head.wd;
            event.cookie = head.cookie;
            // The kernel fills the name up with NUL bytes.
            if (head.len != 0) event.name.assign(name, ::strnlen(name, head.len));
            events.push_back(std::move(event));
        }
    }
}

}  // namespace bide::detail
