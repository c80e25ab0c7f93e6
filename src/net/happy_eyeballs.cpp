// bide/net: connect to the first of several addresses that answers (RFC 8305).
#include "net/happy_eyeballs.hpp"

#include <bide/as_result.hpp>
#include <bide/error.hpp>
#include <bide/event.hpp>
#include <bide/task_group.hpp>
#include <bide/timeout.hpp>

#include <netinet/in.h>

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "os/sock.hpp"

namespace bide::detail {

namespace {

struct failed_attempt {
    address to;
    std::error_code code;
    std::exception_ptr error;
};

// What the attempts for one connection have in common.
struct race {
    const connection_options& options;
    std::optional<socket> winner;
    std::vector<failed_attempt> failures;
    std::size_t running = 0;
    event changed;
};

socket socket_for(const address& to) {
    try {
        return socket(to.family());
    } catch (const std::system_error& e) {
        throw std::system_error(e.code(), "socket for " + to.to_string());
    }
}

coro<socket> connect_one(address to, const connection_options& options) {
    socket made = socket_for(to);
    if (const std::optional<address>& from = options.local_address()) {
        // The port is chosen when it connects, so that one port serves connections to different peers.
        if (from->port() == 0) sys::set_option(made.fileno(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
        made.bind(*from);
    }
    co_await made.connect(to);
    if (to.family() != address_family::local) made.set_no_delay(true);
    co_return made;
}

coro<void> attempt(race& shared, address to) {
    auto connecting = connect_one(to, shared.options);
    try {
        socket made = co_await std::move(connecting);
        if (!shared.winner) shared.winner.emplace(std::move(made));
    } catch (const std::system_error& e) {
        shared.failures.push_back({to, e.code(), std::current_exception()});
    }
    --shared.running;
    shared.changed.set();
}

// Until somebody has won, another attempt has failed, nobody runs any more, or the patience is at its end.
coro<void> wait_for_news(race& shared, std::optional<duration> patience) {
    const std::size_t failed = shared.failures.size();
    while (!shared.winner && shared.running > 0 && shared.failures.size() == failed) {
        shared.changed.clear();
        auto waiting = wait_for(shared.changed.wait(), patience);
        const auto in_time = co_await as_result(std::move(waiting));
        if (!in_time) break;
    }
}

coro<void> run_race(race& shared, const std::vector<address>& order) {
    auto body = [&](task_group& group) -> coro<void> {
        std::optional<duration> patience;
        for (std::size_t next = 0; next < order.size() && !shared.winner; ++next) {
            ++shared.running;
            group.create_task(attempt(shared, order[next]));
            patience = next + 1 < order.size() ? shared.options.happy_eyeballs_delay() : std::nullopt;
            co_await wait_for_news(shared, patience);
        }
        while (!shared.winner && shared.running > 0) co_await wait_for_news(shared, std::nullopt);
        group.cancel();
    };
    co_await with_task_group(body);
}

// "connect to example.org:80, tried 192.0.2.1:80 (Connection refused), [2001:db8::1]:80 (Network is unreachable)"
[[noreturn]] void fail_all(std::vector<failed_attempt> failures, std::string what, bool all_errors) {
    if (all_errors) {
        std::vector<std::exception_ptr> errors;
        for (failed_attempt& each : failures) errors.push_back(std::move(each.error));
        throw exception_group(what, std::move(errors));
    }
    if (failures.size() == 1) std::rethrow_exception(failures.front().error);
    const char* separator = ", tried ";
    for (const failed_attempt& each : failures) {
        what += std::exchange(separator, ", ") + each.to.to_string() + " (" + each.code.message() + ")";
    }
    throw std::system_error(failures.front().code, what);
}

// The addresses that can be reached from the local one.
std::vector<address> of_family(const std::vector<address>& order, const address& local,
                               const std::string& what) {
    std::vector<address> fitting;
    for (const address& each : order) {
        if (each.family() == local.family()) fitting.push_back(each);
    }
    if (fitting.empty()) {
        throw std::system_error(std::make_error_code(std::errc::address_family_not_supported),
                                what + ": it has no address that can be reached from " + local.to_string());
    }
    return fitting;
}

}  // namespace

std::vector<address> interleave(const std::vector<address>& addresses, std::size_t first_count) {
    if (first_count == 0 || addresses.empty()) return addresses;
    std::vector<address> first;
    std::vector<address> second;
    for (const address& each : addresses) {
        (each.family() == addresses.front().family() ? first : second).push_back(each);
    }
    const std::size_t lead = std::min(first_count - 1, first.size());
    std::vector<address> mixed(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(lead));
    for (std::size_t i = 0; i < std::max(first.size() - lead, second.size()); ++i) {
        if (lead + i < first.size()) mixed.push_back(first[lead + i]);
        if (i < second.size()) mixed.push_back(second[i]);
    }
    return mixed;
}

coro<socket> connect_first(std::vector<address> order, const connection_options& options, std::string what) {
    race shared{options, {}, {}, 0, {}};
    if (options.local_address()) order = of_family(order, *options.local_address(), what);
    if (order.size() == 1 && !options.all_errors()) {
        auto connecting = connect_one(order.front(), options);
        co_return co_await std::move(connecting);
    }
    auto racing = run_race(shared, order);
    co_await std::move(racing);
    if (!shared.winner) fail_all(std::move(shared.failures), std::move(what), options.all_errors());
    co_return std::move(*shared.winner);
}

}  // namespace bide::detail
