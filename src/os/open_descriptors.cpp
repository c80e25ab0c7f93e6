// bide/os: which descriptors the process has open.
#include "os/open_descriptors.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "os/signal_watch.hpp"

namespace bide::detail {

std::vector<std::string> open_descriptors() {
    std::vector<std::string> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    if (!folder) return found;
    const std::string own = std::to_string(::dirfd(folder.get()));
    while (const dirent* const entry = ::readdir(folder.get())) {
        const std::string name = entry->d_name;
        if (name == own || name[0] == '.' || signal_watch::keeps(std::atoi(name.c_str()))) continue;
        char target[256];
        const auto size = ::readlink(("/proc/self/fd/" + name).c_str(), target, sizeof target);
        found.push_back(name + " -> " +
                        (size < 0 ? std::string("?") : std::string(target, static_cast<std::size_t>(size))));
    }
    return found;
}

bool is_open(int fd) noexcept { return ::fcntl(fd, F_GETFD) >= 0; }

}  // namespace bide::detail
