// bide/testing: proves that something that claims to be a stream keeps every rule of streams.
#include <bide/testing/stream_conformance.hpp>

#include <bide/error.hpp>
#include <bide/task_group.hpp>
#include <bide/testing/sweep.hpp>

#include <cerrno>
#include <stdexcept>

#include "testing/stream_rules.hpp"

namespace bide::testing {

namespace detail {

void require_text(const std::string& got, const std::string& wanted, const std::string& what) {
    if (got == wanted) return;
    const auto shown = [](const std::string& text) {
        return text.size() <= 80 ? "'" + text + "'" : std::to_string(text.size()) + " bytes";
    };
    throw test_failure(what + ": got " + shown(got) + " in place of " + shown(wanted));
}

std::string pattern(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i % 26 + (i / 26) % 2);
    return bytes;
}

coro<void> send_all(shared_pair pair, std::string bytes) {
    stream_writer& to = pair->near_writer;
    to.write(bytes);
    co_await to.drain();
}

coro<void> exchange(shared_pair pair) {
    const std::string message = pattern(100'000) + "\n";
    const auto talk = [&](task_group& group) -> coro<void> {
        group.create_task(send_all(pair, message));
        const std::string got = co_await pair->far_reader->readexactly(message.size());
        require_text(got, message, "the message");
    };
    co_await with_task_group(talk);
    if (pair->far_writer) {
        pair->far_writer->write("answer\n");
        co_await pair->far_writer->drain();
        const std::string answer = co_await pair->near_reader->readline();
        require_text(answer, "answer\n", "the answer");
        pair->far_writer->close();
    }
    pair->near_writer.close();
    const std::string rest = co_await pair->far_reader->read();
    require_text(rest, "", "after the message");
    co_await pair->near_writer.wait_closed();
}

namespace {

bool applies(rule_for kind, const stream_traits& traits) {
    switch (kind) {
        case rule_for::all: return true;
        case rule_for::two_way: return traits.two_way();
        case rule_for::half_close: return traits.two_way() && traits.half_close();
        case rule_for::no_half_close: return traits.two_way() && !traits.half_close();
    }
    return false;
}

std::vector<stream_rule> applying(const stream_traits& traits) {
    std::vector<stream_rule> found;
    for (const auto rules : {reading_rules(), writing_rules(), ending_rules()}) {
        for (const stream_rule& each : rules) {
            if (applies(each.kind, traits)) found.push_back(each);
        }
    }
    return found;
}

coro<void> run_rule(stream_factory& make, coro<void> (*check)(shared_pair)) {
    auto made = make();
    stream_pair pair = co_await std::move(made);
    auto checked = check(std::make_shared<stream_pair>(std::move(pair)));
    co_await std::move(checked);
}

constexpr const char* cancel_sweep = "cancelled_at_any_point_nothing_is_left_behind";
constexpr const char* failure_sweep = "whatever_operation_fails_nothing_is_left_behind";

}  // namespace
}  // namespace detail

std::vector<std::string> stream_rules(const stream_traits& traits) {
    std::vector<std::string> names;
    for (const detail::stream_rule& each : detail::applying(traits)) names.emplace_back(each.name);
    names.emplace_back(detail::cancel_sweep);
    names.emplace_back(detail::failure_sweep);
    return names;
}

void check_stream_rule(const std::string& rule, stream_factory make, const stream_traits& traits,
                       const test_options& options) {
    const auto once = [&] { return detail::run_rule(make, detail::exchange); };
    test_options sweep = options;
    // What a pair consists of beside its ends, such as a server, may notice the interruption a turn later.
    sweep.allow_tasks();
    if (rule == detail::cancel_sweep) {
        cancel_everywhere(once, [](std::uint64_t) {}, sweep);
        return;
    }
    if (rule == detail::failure_sweep) {
        for (const int error : {EIO, ECONNRESET}) fail_everywhere(once, error, [](std::uint64_t) {}, sweep);
        return;
    }
    for (const detail::stream_rule& each : detail::applying(traits)) {
        if (rule != each.name) continue;
        try {
            run_test([&] { return detail::run_rule(make, each.check); }, options);
        } catch (...) { throw test_failure(rule + ": " + describe_exception(std::current_exception())); }
        return;
    }
    throw std::invalid_argument("check_stream_rule: there is no rule '" + rule + "' for this kind of stream");
}

void check_stream(stream_factory make, const stream_traits& traits, const test_options& options) {
    std::string wrong;
    for (const std::string& rule : stream_rules(traits)) {
        try {
            check_stream_rule(rule, [&make] { return make(); }, traits, options);
        } catch (const test_failure& e) { wrong += (wrong.empty() ? "" : "\n") + std::string(e.what()); }
    }
    if (!wrong.empty()) throw test_failure(wrong);
}

}  // namespace bide::testing
