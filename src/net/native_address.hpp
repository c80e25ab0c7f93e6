// bide/net: addresses to and from the system's structures.
#pragma once

#include <bide/address.hpp>

#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace bide::detail {

inline constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

template <class T>
T as_native(const address& from) noexcept {
    T native{};
    std::memcpy(&native, from.native(), std::min(sizeof native, from.native_size()));
    return native;
}

template <class T>
address from_structure(const T& native, std::size_t size = sizeof(T)) noexcept {
    return address::from_native(&native, size);
}

// The name of a socket, and of the one it is connected to; unspecified where there is none, or the descriptor is closed.
address local_address_of(int fd) noexcept;
address peer_address_of(int fd) noexcept;

// AF_UNSPEC for the unspecified one.
int native_family(address_family family) noexcept;

}  // namespace bide::detail
