// bide/os: other processes of this machine.
//
// Doors have abstract addresses: no file is left when a process dies, and the kernel says at once that nobody is there.
// Anybody may ring, so a ring means only "look": what there is to see lies in memory that strangers do not share.
#include "os/peer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "os/fd.hpp"
#include "os/fork_count.hpp"
#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {

struct state_of_process {
    bool known = false;
    char state = 0;
    long threads = 0;
    std::uint32_t began = 0;
};

// /proc/<id>/stat: fields are counted from 1; the name, field 2, ends at the last parenthesis.
state_of_process look_up(int id) noexcept {
    errno = 0;
    char path[40];
    std::snprintf(path, sizeof path, "/proc/%d/stat", id);
    const unique_fd file(::open(path, O_RDONLY | O_CLOEXEC));
    if (!file) return {};
    char text[1024];
    const auto size = retry([&] { return ::read(file.get(), text, sizeof text - 1); });
    if (size <= 0) {
        errno = size < 0 ? static_cast<int>(-size) : ESRCH;
        return {};
    }
    text[size] = '\0';
    const char* at = std::strrchr(text, ')');
    if (at == nullptr || at[1] == '\0') return {};
    state_of_process found;
    found.state = at[2];
    int field = 2;
    for (++at; *at != '\0'; ++at) {
        if (*at != ' ') continue;
        ++field;
        if (field == 20) found.threads = std::strtol(at, nullptr, 10);
        if (field == 22) {
            found.began = static_cast<std::uint32_t>(std::strtoull(at, nullptr, 10));
            if (found.began == 0) found.began = 1;  // 0 is: unknown
            found.known = true;
            break;
        }
    }
    return found;
}

// Whether it is the process that `who` means, and not a later one with its id. What cannot be known counts as yes.
bool is_the_same(const state_of_process& found, process_key who) noexcept {
    const auto began = static_cast<std::uint32_t>(who);
    return !found.known || began == 0 || found.began == began;
}

int open_pidfd(int id) noexcept {
#ifdef SYS_pidfd_open
    const long fd = ::syscall(SYS_pidfd_open, id, 0);
    return fd < 0 ? -errno : static_cast<int>(fd);
#else
    (void)id;
    return -ENOSYS;
#endif
}

struct door_address {
    explicit door_address(std::uint64_t door) noexcept {
        name.sun_family = AF_UNIX;
        const int length = std::snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "bide-door-%016llx",
                                         static_cast<unsigned long long>(door));
        size = static_cast<::socklen_t>(offsetof(::sockaddr_un, sun_path) + 1 +
                                        static_cast<std::size_t>(length));
    }
    ::sockaddr_un name{};
    ::socklen_t size;
};

}  // namespace

process_key this_process() noexcept {
    static thread_local process_key key = 0;  // of each thread: no need to agree
    static thread_local std::uint32_t made_in = 0;
    if (key != 0 && made_in == fork_count()) return key;
    const int id = ::getpid();
    const state_of_process found = look_up(id);
    key = 0;
    if (found.known) {
        key = static_cast<std::uint64_t>(id) << 32 | found.began;
        made_in = fork_count();
    } else if (errno == 0) {
        errno = EIO;
    }
    return key;
}

bool is_alive(process_key who) noexcept {
    if (who == this_process()) return true;
    if (::kill(id_of(who), 0) < 0 && errno == ESRCH) return false;
    const state_of_process found = look_up(id_of(who));
    if (!found.known) return ::kill(id_of(who), 0) == 0 || errno != ESRCH;
    if (!is_the_same(found, who)) return false;
    // The first thread may have ended while others go on.
    return (found.state != 'Z' && found.state != 'X') || found.threads > 1;
}

int open_peer(process_key who) noexcept {
    const int opened = open_pidfd(id_of(who));
    if (opened < 0) return opened == -ESRCH || !is_alive(who) ? -ESRCH : opened;
    unique_fd fd(opened);
    const state_of_process found =
        look_up(id_of(who));  // of the process that the descriptor means, or of a later one
    return is_the_same(found, who) ? fd.release() : -ESRCH;
}

int open_door(std::uint64_t& door) noexcept {
    const int opened = open_bell();
    if (opened < 0) return opened;
    unique_fd fd(opened);
    for (;;) {
        if (::getrandom(&door, sizeof door, 0) != sizeof door) return -EIO;
        const door_address address(door);
        const auto* const name = reinterpret_cast<const ::sockaddr*>(&address.name);  // as bind(2) wants it
        if (door != 0 && ::bind(fd.get(), name, address.size) == 0) return fd.release();
        if (door != 0 && errno != EADDRINUSE) return -errno;
    }
}

int open_bell() noexcept {
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int ring(int bell, std::uint64_t door) noexcept {
    const door_address address(door);
    const auto* const name = reinterpret_cast<const ::sockaddr*>(&address.name);  // as sendto(2) wants it
    const auto send_from = [&](int fd) {
        return retry([&] { return ::sendto(fd, "!", 1, MSG_DONTWAIT | MSG_NOSIGNAL, name, address.size); });
    };
    auto sent = send_from(bell);
    if (sent == -EAGAIN) {
        // The door is full of rings, or the bell is, of those that others have not read.
        const unique_fd fresh(open_bell());
        if (fresh) sent = send_from(fresh.get());
    }
    return sent == -EAGAIN ? 0 : static_cast<int>(sent);
}

void die_at_once() noexcept { ::kill(::getpid(), SIGKILL); }

}  // namespace bide::detail::sys
