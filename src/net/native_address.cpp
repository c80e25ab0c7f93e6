// bide/net: addresses to and from the system's structures.
#include "net/native_address.hpp"

#include <sys/socket.h>

#include "os/sock.hpp"

namespace bide::detail {

namespace {

address asked(int (&name)(int, void*, std::size_t&) noexcept, int fd) noexcept {
    address found;
    std::size_t size = address::capacity;
    if (fd >= 0 && name(fd, found.native(), size) == 0) found.set_native_size(size);
    return found;
}

}  // namespace

address local_address_of(int fd) noexcept { return asked(sys::local_name, fd); }
address peer_address_of(int fd) noexcept { return asked(sys::peer_name, fd); }

int native_family(address_family family) noexcept {
    switch (family) {
        case address_family::ipv4: return AF_INET;
        case address_family::ipv6: return AF_INET6;
        case address_family::local: return AF_UNIX;
        case address_family::unspecified: break;
    }
    return AF_UNSPEC;
}

}  // namespace bide::detail
