// bide/net: where a socket is: IPv4, IPv6 and unix-domain addresses as values.
#pragma once

#include <bide/result.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace bide {

/// What kind of address it is. `unspecified` stands for "any" in look-ups and for the address of an unbound socket.
enum class address_family : std::uint8_t { unspecified, ipv4, ipv6, local };

/// The address of one end of a socket: a value that can be compared, hashed, printed and parsed back. It holds no
/// memory outside itself. Python: the address tuples and paths of the socket module.
class address {
public:
    /// Unspecified.
    address() noexcept = default;

    /// An address in text: "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80"; or that of a unix socket: a path that
    /// begins with '/' or '.', "@name" for an abstract name, and "unix:" before any of them or before another path.
    /// Throws: std::invalid_argument that names the text, the piece of it that is wrong, and how.
    static address parse(std::string_view text);
    /// The same without a throw, for untrusted input. The error is std::errc::invalid_argument.
    static result<address> try_parse(std::string_view text) noexcept;

    /// An IP address in text without its port: "127.0.0.1", "::1", "fe80::1%eth0", "fe80::1%2".
    /// Throws: std::invalid_argument when it is no IP address (host names are for getaddrinfo()).
    static address ip(std::string_view host, std::uint16_t port);
    static result<address> try_ip(std::string_view host, std::uint16_t port) noexcept;
    /// Every interface: 0.0.0.0, or :: for IPv6.
    static address any(address_family family, std::uint16_t port);
    /// This machine: 127.0.0.1, or ::1 for IPv6.
    static address loopback(address_family family, std::uint16_t port);

    /// A path in the file system, or an abstract name when it begins with a NUL byte or with '@'.
    /// Throws: std::invalid_argument when it is empty, contains a NUL byte, or is longer than 107 bytes.
    static address local(std::string_view path);

    [[nodiscard]] address_family family() const noexcept;
    /// The IP address in text (RFC 5952), with its scope; the path, with '@' for an abstract name; empty where there is
    /// none.
    [[nodiscard]] std::string host() const;
    /// 0 where there is none.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// The number of the interface that an IPv6 address is bound to; 0 where there is none.
    [[nodiscard]] std::uint32_t scope_id() const noexcept;
    /// The same address with another port; a unix address as it is.
    [[nodiscard]] address with_port(std::uint16_t port) const noexcept;
    /// True for 127.0.0.0/8, ::1 and unix addresses.
    [[nodiscard]] bool is_loopback() const noexcept;

    /// As parse() reads it. "unspecified" and "unnamed" (a unix socket without an address) are for people only.
    [[nodiscard]] std::string to_string() const;

    /// Ordered by family, then by the number or path, then by scope and port.
    friend bool operator==(const address& a, const address& b) noexcept;
    friend std::strong_ordering operator<=>(const address& a, const address& b) noexcept;
    [[nodiscard]] std::size_t hash() const noexcept;

    /// From and to the operating system's structure (sockaddr).
    static address from_native(const void* sockaddr, std::size_t size) noexcept;
    [[nodiscard]] const void* native() const noexcept { return bytes_; }
    [[nodiscard]] std::size_t native_size() const noexcept { return size_; }
    /// For calls that fill it in: room for `capacity` bytes, and afterwards how many of them they used.
    [[nodiscard]] void* native() noexcept { return bytes_; }
    void set_native_size(std::size_t size) noexcept;
    static constexpr std::size_t capacity = 112;

private:
    alignas(8) unsigned char bytes_[capacity] = {};
    std::uint32_t size_ = 0;
};

}  // namespace bide

template <>
struct std::hash<bide::address> {
    std::size_t operator()(const bide::address& a) const noexcept { return a.hash(); }
};
