// bide/net: addresses in text: read (RFC 4291 section 2.2, RFC 4007 section 11) and written (RFC 5952).
#include <bide/address.hpp>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "net/native_address.hpp"

namespace bide {

using detail::as_native;
using detail::from_structure;
using detail::path_offset;

namespace {

// The piece of a text that is wrong, and how; no `why`: nothing is.
struct verdict {
    std::string_view piece;
    const char* why = nullptr;
};

[[noreturn]] void refuse(std::string_view text, const verdict& v) {
    std::string what = "'" + std::string(text) + "'";
    if (v.piece != text) what += ": '" + std::string(v.piece) + "'";
    throw std::invalid_argument(what + " " + v.why);
}

result<address> give(const address& made, const verdict& v) noexcept {
    if (v.why == nullptr) return made;
    return result<address>::failure(std::make_error_code(std::errc::invalid_argument));
}

// All of the text as a number, without sign or leading blank.
template <class T>
bool read_number(std::string_view text, T& number) noexcept {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return error == std::errc() && stop == end && !text.empty();
}

verdict read_port(std::string_view text, std::uint16_t& port) noexcept {
    if (read_number(text, port)) return {};
    return {text, "is no port: a number from 0 to 65535 belongs there"};
}

// A number or the name of an interface.
verdict read_scope(std::string_view text, std::uint32_t& scope) noexcept {
    if (read_number(text, scope) && scope != 0) return {};
    char name[IF_NAMESIZE] = {};
    if (!text.empty() && text.size() < sizeof name) {
        text.copy(name, text.size());
        scope = ::if_nametoindex(name);
        if (scope != 0) return {};
    }
    return {text, "is no network interface of this machine"};
}

verdict read_ip(std::string_view host, std::uint16_t port, address& made) noexcept {
    constexpr const char* no_ip = "is no IPv4 or IPv6 address (getaddrinfo() looks names up)";
    char text[INET6_ADDRSTRLEN + 1] = {};
    const std::size_t percent = host.find('%');
    const std::string_view number = host.substr(0, percent);
    if (number.size() >= sizeof text || host.find('\0') != std::string_view::npos) return {host, no_ip};
    number.copy(text, number.size());
    sockaddr_in v4{};
    if (percent == std::string_view::npos && ::inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        made = from_structure(v4);
        return {};
    }
    sockaddr_in6 v6{};
    if (::inet_pton(AF_INET6, text, &v6.sin6_addr) != 1) return {host, no_ip};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    verdict scope;
    if (percent != std::string_view::npos) scope = read_scope(host.substr(percent + 1), v6.sin6_scope_id);
    made = from_structure(v6);
    return scope;
}

verdict read_local(std::string_view path, address& made) noexcept {
    sockaddr_un native{};
    native.sun_family = AF_UNIX;
    if (path.empty()) return {path, "is no unix address: a path or @name belongs there"};
    if (path.size() >= sizeof native.sun_path)
        return {path, "is longer than the 107 bytes of a unix address"};
    const bool abstract = path.front() == '\0' || path.front() == '@';
    if (!abstract && path.find('\0') != std::string_view::npos) return {path, "contains a NUL byte"};
    path.copy(native.sun_path, path.size());
    if (abstract) native.sun_path[0] = '\0';
    // Of an abstract name the length counts; a path ends with its NUL.
    made = from_structure(native, path_offset + path.size() + (abstract ? 0 : 1));
    return {};
}

verdict read(std::string_view text, address& made) noexcept {
    constexpr std::string_view unix_prefix = "unix:";
    if (text.starts_with(unix_prefix)) return read_local(text.substr(unix_prefix.size()), made);
    if (text.starts_with('/') || text.starts_with('.') || text.starts_with('@'))
        return read_local(text, made);

    const bool brackets = text.starts_with('[');
    const std::size_t colon = brackets ? text.rfind("]:") : text.rfind(':');
    if (colon == std::string_view::npos)
        return {text, "is no address with a port; write 127.0.0.1:80 or [::1]:80"};
    const std::string_view host = text.substr(brackets ? 1 : 0, colon - (brackets ? 1 : 0));
    const bool colons = host.find(':') != std::string_view::npos;
    if (colons && !brackets) return {text, "needs brackets around the IPv6 address: [::1]:80"};
    if (brackets && !colons) return {host, "is no IPv6 address, and brackets are for those"};
    std::uint16_t port = 0;
    const verdict v = read_port(text.substr(colon + (brackets ? 2 : 1)), port);
    return v.why != nullptr ? v : read_ip(host, port, made);
}

// --- writing ---

void write_ipv4(std::string& to, const unsigned char* bytes) {
    for (int i = 0; i < 4; ++i) {
        if (i > 0) to += '.';
        to += std::to_string(bytes[i]);
    }
}

// The longest run of zero words is left out, of equal ones the first, but never a single word.
void write_ipv6(std::string& to, const unsigned char* bytes) {
    unsigned words[8];
    for (int i = 0; i < 8; ++i) words[i] = static_cast<unsigned>(bytes[2 * i] << 8) | bytes[2 * i + 1];
    int best = 0;
    int best_size = 1;
    for (int i = 0, size = 0; i < 8; ++i) {
        size = words[i] == 0 ? size + 1 : 0;
        if (size > best_size) {
            best_size = size;
            best = i + 1 - size;
        }
    }
    if (best == 0 && best_size == 5 && words[5] == 0xffff) {  // an IPv4 address in IPv6's clothes
        to += "::ffff:";
        return write_ipv4(to, bytes + 12);
    }
    for (int i = 0; i < 8;) {
        if (best_size > 1 && i == best) {
            to += "::";
            i += best_size;
            continue;
        }
        if (i > 0 && to.back() != ':') to += ':';
        char digits[4];
        to.append(digits, std::to_chars(digits, digits + sizeof digits, words[i++], 16).ptr);
    }
}

// The name of the interface, unless it reads like a number.
void write_scope(std::string& to, std::uint32_t scope) {
    char name[IF_NAMESIZE] = {};
    const bool named = ::if_indextoname(scope, name) != nullptr && (name[0] < '0' || name[0] > '9');
    to += '%';
    to += named ? std::string(name) : std::to_string(scope);
}

}  // namespace

result<address> address::try_ip(std::string_view host, std::uint16_t port) noexcept {
    address made;
    return give(made, read_ip(host, port, made));
}

address address::ip(std::string_view host, std::uint16_t port) {
    address made;
    if (const verdict v = read_ip(host, port, made); v.why != nullptr) refuse(host, v);
    return made;
}

result<address> address::try_parse(std::string_view text) noexcept {
    address made;
    return give(made, read(text, made));
}

address address::parse(std::string_view text) {
    address made;
    if (const verdict v = read(text, made); v.why != nullptr) refuse(text, v);
    return made;
}

address address::local(std::string_view path) {
    address made;
    if (const verdict v = read_local(path, made); v.why != nullptr) refuse(path, v);
    return made;
}

std::string address::host() const {
    std::string text;
    switch (family()) {
        case address_family::ipv4: {
            const auto native = as_native<sockaddr_in>(*this);
            write_ipv4(text, reinterpret_cast<const unsigned char*>(&native.sin_addr));
            break;
        }
        case address_family::ipv6: {
            const auto native = as_native<sockaddr_in6>(*this);
            write_ipv6(text, native.sin6_addr.s6_addr);
            if (native.sin6_scope_id != 0) write_scope(text, native.sin6_scope_id);
            break;
        }
        case address_family::local: {
            if (size_ <= path_offset) break;
            const char* const path = reinterpret_cast<const char*>(bytes_) + path_offset;
            const std::size_t room = size_ - path_offset;
            if (path[0] == '\0') {
                text = "@" + std::string(path + 1, room - 1);
            } else {
                text.assign(path, ::strnlen(path, room));
            }
            break;
        }
        case address_family::unspecified: break;
    }
    return text;
}

std::string address::to_string() const {
    const std::string name = host();
    switch (family()) {
        case address_family::ipv4: return name + ":" + std::to_string(port());
        case address_family::ipv6: return "[" + name + "]:" + std::to_string(port());
        case address_family::local: break;
        case address_family::unspecified: return "unspecified";
    }
    if (name.empty()) return "unnamed";
    const bool plain = name.front() == '/' || name.front() == '.' || name.front() == '@';
    return plain ? name : "unix:" + name;
}

}  // namespace bide
