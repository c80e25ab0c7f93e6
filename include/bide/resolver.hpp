// bide/net: host names to addresses and back.
#pragma once

#include <bide/address.hpp>
#include <bide/coro.hpp>
#include <bide/time.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace bide {

/// What a look-up may fail with: `catch (const std::system_error& e) { if (e.code() == resolver_errc::not_found) ...`
/// The values are the system's EAI codes. Python: socket.gaierror. Source: getaddrinfo(3).
enum class resolver_errc : int {
    bad_flags = -1,
    not_found = -2,   ///< there is no such host or service
    try_again = -3,   ///< the name server did not answer; later it may
    failed = -4,      ///< the name server answered with a failure
    no_address = -5,  ///< the host exists and has no address
    family_not_supported = -6,
    type_not_supported = -7,
    service_not_found = -8,  ///< not for this kind of socket
    no_address_of_family = -9,
    out_of_memory = -10,
    name_too_long = -12,
};

/// The category of those codes, "resolver"; messages are the system's. Source: gai_strerror(3).
[[nodiscard]] const std::error_category& resolver_category() noexcept;
[[nodiscard]] inline std::error_code make_error_code(resolver_errc code) noexcept {
    return {static_cast<int>(code), resolver_category()};
}

/// Settings of getaddrinfo().
class resolve_options {
public:
    /// Only addresses of this family. Default: any.
    resolve_options& family(address_family wanted) noexcept {
        family_ = wanted;
        return *this;
    }
    /// For binding: an empty host means every interface instead of this machine. Default: false.
    resolve_options& passive(bool on = true) noexcept {
        passive_ = on;
        return *this;
    }
    /// Only addresses in text: a name fails with resolver_errc::not_found and no name server is asked. Default: false.
    resolve_options& numeric_host(bool on = true) noexcept {
        numeric_host_ = on;
        return *this;
    }
    /// Gives up after this time, with timeout_error. Default: none, the system's resolver has its own.
    resolve_options& timeout(duration limit) noexcept {
        timeout_ = limit;
        return *this;
    }

    [[nodiscard]] address_family family() const noexcept { return family_; }
    [[nodiscard]] bool passive() const noexcept { return passive_; }
    [[nodiscard]] bool numeric_host() const noexcept { return numeric_host_; }
    [[nodiscard]] std::optional<duration> timeout() const noexcept { return timeout_; }

private:
    address_family family_ = address_family::unspecified;
    bool passive_ = false;
    bool numeric_host_ = false;
    std::optional<duration> timeout_;
};

/// The addresses of a host, in the order in which they should be tried, each once; at least one. An IP address in text
/// is not looked up; a name is, on a thread of the default executor, because the system's resolver blocks.
/// Throws: std::system_error (resolver_category) that names the host; timeout_error that names it, too;
/// std::invalid_argument for a host or a service that contains a NUL byte.
/// Cancellation: at once; the look-up ends by itself in its thread, and what it says is dropped.
/// Limits: those of to_thread(). Python: loop.getaddrinfo. Source: getaddrinfo(3).
[[nodiscard]] coro<std::vector<address>> getaddrinfo(std::string host, std::uint16_t port,
                                                     resolve_options options = {});
/// The same with a service in place of the port: "http", or a number in text, where one that is no port is
/// resolver_errc::service_not_found.
[[nodiscard]] coro<std::vector<address>> getaddrinfo(std::string host, std::string service,
                                                     resolve_options options = {});

/// Settings of getnameinfo(). Python: its flags.
class name_options {
public:
    /// The address in text, without asking a name server. NI_NUMERICHOST. Default: false.
    name_options& numeric_host(bool on = true) noexcept {
        numeric_host_ = on;
        return *this;
    }
    /// The port in text. NI_NUMERICSERV. Default: false.
    name_options& numeric_service(bool on = true) noexcept {
        numeric_service_ = on;
        return *this;
    }
    /// Fails with resolver_errc::not_found where there is no name. NI_NAMEREQD. Default: false.
    name_options& name_required(bool on = true) noexcept {
        name_required_ = on;
        return *this;
    }
    /// The services of UDP. NI_DGRAM. Default: those of TCP.
    name_options& datagram(bool on = true) noexcept {
        datagram_ = on;
        return *this;
    }
    /// Gives up after this time, with timeout_error. Default: none.
    name_options& timeout(duration limit) noexcept {
        timeout_ = limit;
        return *this;
    }

    [[nodiscard]] bool numeric_host() const noexcept { return numeric_host_; }
    [[nodiscard]] bool numeric_service() const noexcept { return numeric_service_; }
    [[nodiscard]] bool name_required() const noexcept { return name_required_; }
    [[nodiscard]] bool datagram() const noexcept { return datagram_; }
    [[nodiscard]] std::optional<duration> timeout() const noexcept { return timeout_; }

private:
    bool numeric_host_ = false;
    bool numeric_service_ = false;
    bool name_required_ = false;
    bool datagram_ = false;
    std::optional<duration> timeout_;
};

/// The host name and service name of an address; the numbers in text where there is no name.
/// Throws, Cancellation, Limits: as getaddrinfo(). Python: loop.getnameinfo. Source: getnameinfo(3).
[[nodiscard]] coro<std::pair<std::string, std::string>> getnameinfo(address of, name_options options = {});

}  // namespace bide

template <>
struct std::is_error_code_enum<bide::resolver_errc> : std::true_type {};
