// bide/os: the descriptors that a service manager started this process with.
#include "os/inherited_sockets.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace bide::detail {

namespace {

constexpr int first_inherited = 3;

long number_in(const char* variable) noexcept {
    const char* const text = std::getenv(variable);
    return text == nullptr ? -1 : std::strtol(text, nullptr, 10);
}

// The part before the first colon, which it cuts off.
std::string next_name(std::string_view& names) {
    const auto end = std::min(names.find(':'), names.size());
    std::string name(names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
    return name;
}

}  // namespace

std::vector<inherited_descriptor> take_inherited_descriptors() {
    std::vector<inherited_descriptor> found;
    const long count = number_in("LISTEN_FDS");
    if (number_in("LISTEN_PID") == ::getpid() && count > 0) {
        const char* const given = std::getenv("LISTEN_FDNAMES");
        std::string_view names = given == nullptr ? std::string_view() : std::string_view(given);
        for (int fd = first_inherited; fd < first_inherited + count; ++fd) {
            std::string name = next_name(names);
            if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) break;  // fewer than announced
            found.push_back({unique_fd(fd), std::move(name)});
        }
    }
    for (const char* const each : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(each);
    return found;
}

}  // namespace bide::detail
