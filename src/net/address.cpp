// bide/net: where a socket is: addresses as the system lays them out.
#include <bide/address.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <stdexcept>

#include "net/native_address.hpp"

namespace bide {

static_assert(address::capacity >= sizeof(sockaddr_un) && address::capacity >= sizeof(sockaddr_in6));

using detail::as_native;
using detail::from_structure;

namespace {

template <class T>
std::strong_ordering order_of_bytes(const T& a, const T& b) noexcept {
    return std::memcmp(&a, &b, sizeof a) <=> 0;
}

std::strong_ordering order_of(const sockaddr_in& a, const sockaddr_in& b) noexcept {
    const auto by_number = order_of_bytes(a.sin_addr, b.sin_addr);
    return by_number != 0 ? by_number : ntohs(a.sin_port) <=> ntohs(b.sin_port);
}

std::strong_ordering order_of(const sockaddr_in6& a, const sockaddr_in6& b) noexcept {
    if (const auto by_number = order_of_bytes(a.sin6_addr, b.sin6_addr); by_number != 0) return by_number;
    if (const auto by_scope = a.sin6_scope_id <=> b.sin6_scope_id; by_scope != 0) return by_scope;
    return ntohs(a.sin6_port) <=> ntohs(b.sin6_port);
}

std::strong_ordering order_of_all(const address& a, const address& b) noexcept {
    const std::size_t common = std::min(a.native_size(), b.native_size());
    const int order = std::memcmp(a.native(), b.native(), common);
    return order != 0 ? order <=> 0 : a.native_size() <=> b.native_size();
}

}  // namespace

address address::any(address_family family, std::uint16_t port) {
    return ip(family == address_family::ipv6 ? "::" : "0.0.0.0", port);
}

address address::loopback(address_family family, std::uint16_t port) {
    return ip(family == address_family::ipv6 ? "::1" : "127.0.0.1", port);
}

address address::from_native(const void* sockaddr, std::size_t size) noexcept {
    address made;
    std::memcpy(made.bytes_, sockaddr, std::min(size, capacity));
    made.set_native_size(size);
    return made;
}

// Equal addresses are to have equal bytes, so what the system leaves open is settled here.
void address::set_native_size(std::size_t size) noexcept {
    size_ = static_cast<std::uint32_t>(std::min(size, capacity));
    switch (family()) {
        case address_family::ipv4:
            size_ = static_cast<std::uint32_t>(std::min(size, sizeof(sockaddr_in)));
            std::memset(bytes_ + offsetof(sockaddr_in, sin_zero), 0, sizeof(sockaddr_in::sin_zero));
            break;
        case address_family::ipv6:
            size_ = static_cast<std::uint32_t>(std::min(size, sizeof(sockaddr_in6)));
            break;
        case address_family::local:
            // A path ends with its NUL, however much of the structure is said to be used.
            if (size_ > detail::path_offset && bytes_[detail::path_offset] != 0) {
                const auto* const path = reinterpret_cast<const char*>(bytes_) + detail::path_offset;
                const std::size_t length = ::strnlen(path, size_ - detail::path_offset);
                size_ = static_cast<std::uint32_t>(std::min(detail::path_offset + length + 1, capacity));
            }
            break;
        case address_family::unspecified: size_ = 0; break;
    }
    std::memset(bytes_ + size_, 0, capacity - size_);
}

address_family address::family() const noexcept {
    sa_family_t family = AF_UNSPEC;
    if (size_ >= sizeof family) std::memcpy(&family, bytes_, sizeof family);
    switch (family) {
        case AF_INET: return address_family::ipv4;
        case AF_INET6: return address_family::ipv6;
        case AF_UNIX: return address_family::local;
        default: return address_family::unspecified;
    }
}

std::uint16_t address::port() const noexcept {
    switch (family()) {
        case address_family::ipv4: return ntohs(as_native<sockaddr_in>(*this).sin_port);
        case address_family::ipv6: return ntohs(as_native<sockaddr_in6>(*this).sin6_port);
        default: return 0;
    }
}

std::uint32_t address::scope_id() const noexcept {
    return family() == address_family::ipv6 ? as_native<sockaddr_in6>(*this).sin6_scope_id : 0;
}

address address::with_port(std::uint16_t port) const noexcept {
    if (family() == address_family::ipv4) {
        auto native = as_native<sockaddr_in>(*this);
        native.sin_port = htons(port);
        return from_structure(native);
    }
    if (family() == address_family::ipv6) {
        auto native = as_native<sockaddr_in6>(*this);
        native.sin6_port = htons(port);
        return from_structure(native);
    }
    return *this;
}

bool address::is_loopback() const noexcept {
    switch (family()) {
        case address_family::ipv4:
            return (ntohl(as_native<sockaddr_in>(*this).sin_addr.s_addr) >> 24U) == IN_LOOPBACKNET;
        case address_family::ipv6: {
            const auto native = as_native<sockaddr_in6>(*this);
            return IN6_IS_ADDR_LOOPBACK(&native.sin6_addr);
        }
        case address_family::local: return true;
        case address_family::unspecified: break;
    }
    return false;
}

bool operator==(const address& a, const address& b) noexcept {
    return a.size_ == b.size_ && std::memcmp(a.bytes_, b.bytes_, a.size_) == 0;
}

std::strong_ordering operator<=>(const address& a, const address& b) noexcept {
    auto order = a.family() <=> b.family();
    if (order == 0 && a.family() == address_family::ipv4) {
        order = order_of(as_native<sockaddr_in>(a), as_native<sockaddr_in>(b));
    } else if (order == 0 && a.family() == address_family::ipv6) {
        order = order_of(as_native<sockaddr_in6>(a), as_native<sockaddr_in6>(b));
    }
    return order != 0 ? order : order_of_all(a, b);
}

std::size_t address::hash() const noexcept {
    return std::hash<std::string_view>()(std::string_view(reinterpret_cast<const char*>(bytes_), size_));
}

}  // namespace bide
