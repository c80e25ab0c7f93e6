// bide/net: host names to addresses and back, on a worker thread.
//
// A look-up cannot be recalled, so it owns all that it touches and its waiter may leave at any time. It never throws for
// what the resolver says: nobody is to be told of the failure of a look-up that was given up.
#include <bide/resolver.hpp>

#include <bide/error.hpp>
#include <bide/timeout.hpp>
#include <bide/to_thread.hpp>

#include <netdb.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "net/native_address.hpp"

namespace bide {

namespace {

constexpr bool same(resolver_errc code, int native) { return static_cast<int>(code) == native; }
static_assert(same(resolver_errc::bad_flags, EAI_BADFLAGS) && same(resolver_errc::not_found, EAI_NONAME) &&
              same(resolver_errc::try_again, EAI_AGAIN) && same(resolver_errc::failed, EAI_FAIL) &&
              same(resolver_errc::family_not_supported, EAI_FAMILY) &&
              same(resolver_errc::type_not_supported, EAI_SOCKTYPE) &&
              same(resolver_errc::service_not_found, EAI_SERVICE) &&
              same(resolver_errc::out_of_memory, EAI_MEMORY) &&
              same(resolver_errc::name_too_long, EAI_OVERFLOW));

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "resolver"; }
    [[nodiscard]] std::string message(int code) const override { return ::gai_strerror(code); }
    [[nodiscard]] std::error_condition default_error_condition(int code) const noexcept override {
        switch (static_cast<resolver_errc>(code)) {
            case resolver_errc::try_again: return std::errc::resource_unavailable_try_again;
            case resolver_errc::out_of_memory: return std::errc::not_enough_memory;
            case resolver_errc::family_not_supported: return std::errc::address_family_not_supported;
            default: return {code, *this};
        }
    }
};

// What a look-up says: a failure, or what was found.
template <class T>
struct answer {
    answer() = default;  // no aggregate: GCC 12 garbles those in a co_await expression

    std::error_code error;
    T found;
};

std::error_code error_of(int code) noexcept {
    if (code == EAI_SYSTEM) return {errno, std::generic_category()};
    return {code, resolver_category()};
}

using addresses = answer<std::vector<address>>;
using names = answer<std::pair<std::string, std::string>>;

addresses look_up(const std::string& host, const std::string& service, const resolve_options& options) {
    ::addrinfo hints{};
    hints.ai_family = detail::native_family(options.family());
    hints.ai_socktype = SOCK_STREAM;  // one answer per address
    if (options.passive()) hints.ai_flags |= AI_PASSIVE;
    if (options.numeric_host()) hints.ai_flags |= AI_NUMERICHOST;
    ::addrinfo* list = nullptr;
    addresses result;
    const int code = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), service.c_str(), &hints, &list);
    if (code != 0) {
        result.error = error_of(code);
        return result;
    }
    const std::unique_ptr<::addrinfo, void (*)(::addrinfo*)> owner(list, ::freeaddrinfo);
    std::vector<address>& found = result.found;
    for (const ::addrinfo* at = list; at != nullptr; at = at->ai_next) {
        const address each = address::from_native(at->ai_addr, at->ai_addrlen);
        if (std::find(found.begin(), found.end(), each) == found.end()) found.push_back(each);
    }
    if (found.empty()) result.error = resolver_errc::not_found;
    return result;
}

names look_up_name(const address& of, const name_options& options) {
    char host[NI_MAXHOST] = {};
    char service[NI_MAXSERV] = {};
    int flags = 0;
    if (options.numeric_host()) flags |= NI_NUMERICHOST;
    if (options.numeric_service()) flags |= NI_NUMERICSERV;
    if (options.name_required()) flags |= NI_NAMEREQD;
    if (options.datagram()) flags |= NI_DGRAM;
    names result;
    const int code =
        ::getnameinfo(static_cast<const ::sockaddr*>(of.native()), static_cast<::socklen_t>(of.native_size()),
                      host, sizeof host, service, sizeof service, flags);
    if (code != 0) {
        result.error = error_of(code);
    } else {
        result.found = {host, service};
    }
    return result;
}

// Awaits a look-up for as long as it may last, and throws its failure.
template <class T>
coro<T> finish(coro<answer<T>> work, std::optional<duration> limit, std::string what) {
    answer<T> got;
    bool late = false;
    try {
        got = co_await wait_for(std::move(work), limit);
    } catch (const timeout_error&) { late = true; }
    if (late) {
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(*limit);
        throw timeout_error(what + ": no answer after " + std::to_string(ms.count()) + " ms");
    }
    if (got.error) throw std::system_error(got.error, what);
    co_return std::move(got.found);
}

// The host is an address, so there is nothing to look up.
coro<std::vector<address>> only(address found, address_family wanted, std::string what) {
    std::vector<address> all;
    if (wanted != address_family::unspecified && found.family() != wanted)
        throw std::system_error(resolver_errc::no_address_of_family, what);
    all.push_back(found);
    co_return all;
}

coro<std::vector<address>> no_service(std::string what) {
    throw std::system_error(resolver_errc::service_not_found, what);
    co_return {};
}

// The names of services contain a letter (RFC 6335 section 5.1). What contains none, the system reads as a number, of
// which it keeps the last 16 bits.
bool may_be_a_service(const std::string& name) noexcept {
    const auto is_letter = [](char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return name.empty() || std::any_of(name.begin(), name.end(), is_letter);
}

std::string asked(const std::string& host) { return "look up '" + host + "'"; }

}  // namespace

const std::error_category& resolver_category() noexcept {
    static const category the;
    return the;
}

coro<std::vector<address>> getaddrinfo(std::string host, std::uint16_t port, resolve_options options) {
    if (const result<address> literal = address::try_ip(host, port))
        return only(*literal, options.family(), asked(host));
    return getaddrinfo(std::move(host), std::to_string(port), options);
}

coro<std::vector<address>> getaddrinfo(std::string host, std::string service, resolve_options options) {
    if (host.find('\0') != std::string::npos)
        throw std::invalid_argument("getaddrinfo: the host name contains a NUL byte");
    if (service.find('\0') != std::string::npos)
        throw std::invalid_argument("getaddrinfo: the service contains a NUL byte");
    std::uint16_t port = 0;
    const char* const end = service.data() + service.size();
    const auto number = std::from_chars(service.data(), end, port);
    const bool numeric = number.ec == std::errc() && number.ptr == end;
    if (numeric) {
        if (const result<address> literal = address::try_ip(host, port))
            return only(*literal, options.family(), asked(host));
    }
    const bool named = !numeric && !service.empty();
    std::string what = named ? asked(host) + " for service '" + service + "'" : asked(host);
    if (named && !may_be_a_service(service)) return no_service(std::move(what));
    auto work = to_thread(abandon_on_cancel, look_up, std::move(host), std::move(service), options);
    return finish(std::move(work), options.timeout(), std::move(what));
}

coro<std::pair<std::string, std::string>> getnameinfo(address of, name_options options) {
    auto work = to_thread(abandon_on_cancel, look_up_name, of, options);
    return finish(std::move(work), options.timeout(), "look up the name of " + of.to_string());
}

}  // namespace bide
