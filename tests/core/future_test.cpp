// bide/core: futures: results that somebody else sets.
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::in_order;
using bide_test::noted;
using bide_test::outcome;
using bide_test::report_log;
using bide_test::thrown;

using names = std::vector<std::string>;

// --- results ---

// [set_result]
bide::coro<int> wait_for_a_callback() {
    bide::event_loop& loop = bide::get_running_loop();
    const bide::future<int> answer = bide::create_future<int>();
    loop.call_later(1s, [answer] { answer.set_result(42); });
    const int value = co_await answer;
    co_return value;
}
// [/set_result]

BIDE_TEST(future, gives_what_is_set) {
    const int value = co_await wait_for_a_callback();
    EXPECT_EQ(value, 42);
    const auto nothing = bide::create_future();
    nothing.set_result();
    co_await nothing;
    EXPECT_TRUE(nothing.done());
    EXPECT_FALSE(nothing.cancelled());
}

BIDE_TEST(future, gives_references_and_what_cannot_be_copied) {
    int target = 1;
    const auto reference = bide::create_future<int&>();
    reference.set_result(target);
    int& got = co_await reference;
    EXPECT_EQ(&got, &target);
    const auto owned = bide::create_future<std::unique_ptr<int>>();
    owned.set_result(std::make_unique<int>(5));
    EXPECT_EQ(*owned.result(), 5);
    const std::unique_ptr<int> taken = co_await owned;
    EXPECT_EQ(*taken, 5);
    EXPECT_TRUE(
        has(thrown<bide::invalid_state_error>([&] { return owned.result() == nullptr; }), "moved out"));
}

struct throws_when_made {
    explicit throws_when_made(int n) {
        if (n != 0) throw std::out_of_range("not zero");
    }
};

BIDE_TEST(future, a_value_that_throws_when_it_is_made_leaves_it_pending) {
    const auto future = bide::create_future<throws_when_made>();
    EXPECT_EQ(thrown<std::out_of_range>([&] { return future.set_result(1), 0; }), "not zero");
    EXPECT_FALSE(future.done());
    future.set_result(0);
    EXPECT_TRUE(future.done());
    co_return;
}

BIDE_TEST(section17, s07_awaiting_a_finished_future_does_not_yield) {
    const auto future = bide::create_future<int>();
    future.set_result(3);
    bool others_ran = false;
    bide::get_running_loop().call_soon([&] { others_ran = true; });
    const int value = co_await future;
    EXPECT_EQ(value, 3);
    EXPECT_FALSE(others_ran);
    co_await bide::sleep(1s);
}

BIDE_TEST_WITH(future, awaiters_and_callbacks_run_later_in_the_order_of_their_arrival, in_order()) {
    names log;
    const auto future = bide::create_future<int>();
    const auto wait = [&](const char* name) -> bide::coro<void> {
        const std::string mine = name;
        co_await future;
        log.push_back(mine);
    };
    const auto a = bide::create_task(wait("a"));
    co_await bide::sleep(0s);
    future.add_done_callback(
        [&](const bide::future<int>& of) { log.push_back("callback " + std::to_string(of.result())); });
    const auto b = bide::create_task(wait("b"));
    co_await bide::sleep(0s);
    future.set_result(1);
    EXPECT_TRUE(log.empty());
    co_await bide::sleep(0s);
    EXPECT_EQ(log, (names{"a", "callback 1", "b"}));
}

BIDE_TEST(future, an_exception_is_thrown_to_all) {
    const auto future = bide::create_future<int>();
    const auto first = bide::create_task(outcome(future));
    const auto second = bide::create_task(outcome(future));
    co_await bide::sleep(1s);
    future.set_exception(std::runtime_error("set"));
    const std::string a = co_await first;
    const std::string b = co_await second;
    EXPECT_EQ(a + b, "setset");
    EXPECT_EQ(thrown<std::runtime_error>([&] { return future.result(); }), "set");
    EXPECT_EQ(bide::describe_exception(future.exception()), "set");
}

// --- cancel ---

BIDE_TEST(section17, s16_cancelling_a_future_is_immediate_and_unconditional) {
    const auto future = bide::create_future<int>();
    const auto waiter = bide::create_task(outcome(future));
    co_await bide::sleep(1s);
    EXPECT_TRUE(future.cancel("enough"));
    EXPECT_TRUE(future.done());
    EXPECT_TRUE(future.cancelled());
    EXPECT_FALSE(future.cancel());
    EXPECT_EQ(thrown<bide::cancelled_error>([&] { return future.result(); }), "enough");
    EXPECT_EQ(thrown<bide::cancelled_error>([&] { return future.exception(); }), "enough");
    const std::string ended = co_await waiter;
    EXPECT_EQ(ended, "cancelled");
}

BIDE_TEST(future, cancelling_a_task_that_awaits_it_cancels_it) {
    const auto future = bide::create_future<int>();
    const auto waiter = bide::create_task(outcome(future));
    const auto other = bide::create_task(outcome(future));
    co_await bide::sleep(1s);
    EXPECT_TRUE(waiter.cancel("stop"));
    EXPECT_TRUE(future.cancelled());
    const std::string first = co_await waiter;
    const std::string second = co_await other;
    EXPECT_EQ(first, "cancelled");
    EXPECT_EQ(second, "cancelled");
}

// --- misuse ---

BIDE_TEST(future, a_second_result_is_refused) {
    const auto future = bide::create_future<int>();
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return future.result(); }),
                    "the future is not done", "await it, or look at done() first"));
    future.set_result(1);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return future.set_result(2), 0; }),
                    "set_result: the future is done already"));
    EXPECT_TRUE(has(
        thrown<bide::invalid_state_error>([&] { return future.set_exception(std::runtime_error("x")), 0; }),
        "set_exception: the future is done already"));
    EXPECT_EQ(future.result(), 1);
    const auto other = bide::create_future<int>();
    EXPECT_TRUE(
        has(thrown<std::invalid_argument>([&] { return other.set_exception(std::exception_ptr()), 0; }),
            "set_exception: the exception pointer is null"));
    EXPECT_FALSE(other.done());
    co_return;
}

BIDE_TEST(future, an_empty_handle_says_so) {
    const bide::future<int> empty;
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return empty.set_result(1), 0; }),
                    "this future handle is empty"));
    co_return;
}

TEST(future, needs_a_loop) {
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([] { return bide::create_future<int>().done(); }),
                    "create_future: no event loop is running in this thread"));
}

TEST(future, of_another_loop_cannot_be_awaited) {
    bide::event_loop other;
    const auto foreign = bide::create_future<int>(other);
    const auto body = [&]() -> bide::coro<std::string> {
        const std::string text = co_await outcome(foreign);
        co_return text;
    };
    EXPECT_TRUE(has(bide::run(body()), "awaits a future that belongs to another loop"));
    foreign.set_result(1);  // the other loop runs nowhere: this is its thread as well as any
    EXPECT_EQ(other.run_until_complete(foreign), 1);
}

TEST(future, is_refused_to_other_threads_while_its_loop_runs) {
    std::promise<bide::future<int>> made;
    std::promise<void> tried;
    std::string ended;
    std::thread runs([&] {
        const auto body = [&]() -> bide::coro<void> {
            const auto future = bide::create_future<int>();
            bide::event_loop& loop = bide::get_running_loop();
            const auto last = loop.call_soon_threadsafe([] {});
            made.set_value(future);
            tried.get_future().wait();  // blocks the loop: it must not look at the future meanwhile
            future.set_result(1);
            co_return;
        };
        bide::run(body());
    });
    {
        const bide::future<int> foreign = made.get_future().get();
        for (const std::string& text :
             {thrown<bide::invalid_state_error>([&] { return foreign.set_result(1), 0; }),
              thrown<bide::invalid_state_error>([&] { return foreign.cancel(); }),
              thrown<bide::invalid_state_error>(
                  [&] { return foreign.add_done_callback([](const bide::future<int>&) {}); })}) {
            EXPECT_TRUE(has(text, "belongs to a loop that runs in another thread", "call_soon_threadsafe"));
        }
    }
    tried.set_value();
    runs.join();
}

// --- lifetimes ---

TEST(future, may_outlive_its_loop) {
    names log;
    bide::future<int> quiet;
    bide::future<int> watched;
    bide::future<int> dropped;
    {
        bide::event_loop loop;
        quiet = bide::create_future<int>(loop);
        watched = bide::create_future<int>(loop);
        dropped = bide::create_future<int>(loop);
        for (const auto* each : {&watched, &dropped}) {
            each->add_done_callback(
                [held = std::make_shared<noted>(log, "callback")](const bide::future<int>&) {});
        }
    }
    quiet.set_result(1);
    EXPECT_EQ(quiet.result(), 1);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return watched.set_result(1), 0; }),
                    "set_result: the event loop is closed, so the done callbacks cannot run"));
    EXPECT_TRUE(watched.cancel());  // drops what can never run
    EXPECT_EQ(log, names{"callback"});
    dropped = {};
    EXPECT_EQ(log, (names{"callback", "callback"}));
}

// A loop that lies where one lay that is gone; null where memory is held back (address sanitizer).
std::unique_ptr<bide::event_loop> loop_at(const void* address) {
    std::vector<std::unique_ptr<bide::event_loop>> others;
    while (others.size() < 32) {
        others.push_back(std::make_unique<bide::event_loop>());
        if (&others.back()->state() == address) return std::move(others.back());
    }
    return nullptr;
}

TEST(future, does_not_take_a_later_loop_for_its_own) {
    names log;
    auto loop = std::make_unique<bide::event_loop>();
    const void* const address = &loop->state();
    const auto future = bide::create_future<int>(*loop);
    future.add_done_callback([&](const bide::future<int>&) { log.emplace_back("callback"); });
    loop.reset();
    loop = loop_at(address);
    if (!loop) return;
    const auto main = [&]() -> bide::coro<void> {
        EXPECT_TRUE(has(thrown<bide::invalid_state_error>([&] { return future.set_result(1), 0; }),
                        "set_result: the event loop is closed"));
        co_await bide::sleep(0s);
    };
    loop->run_until_complete(main());
    EXPECT_TRUE(log.empty());
}

// The same for each call, where no luck is needed: a loop with another number is another loop.
TEST(future, knows_its_loop_by_more_than_the_address) {
    names log;
    bide::event_loop loop;
    const auto watched = bide::create_future<int>(loop);
    const auto quiet = bide::create_future<int>(loop);
    watched.add_done_callback([held = std::make_shared<noted>(log, "dropped")](const bide::future<int>&) {});
    const std::uint32_t number = std::exchange(loop.state().number, ~std::uint32_t{0});
    const auto main = [&]() -> bide::coro<void> {
        const std::string set = thrown<bide::invalid_state_error>([&] { return watched.set_result(1), 0; });
        EXPECT_TRUE(has(set, "set_result: the event loop is closed")) << set;
        EXPECT_THROW(quiet.add_done_callback([](const bide::future<int>&) {}), bide::invalid_state_error);
        EXPECT_THROW(static_cast<void>(quiet.get_loop()), bide::invalid_state_error);
        EXPECT_THROW(static_cast<void>(bide::shield(quiet)), bide::invalid_state_error);
        EXPECT_THROW(static_cast<void>(bide::gather(quiet)), bide::invalid_state_error);
        bool refused = false;
        try {
            const int value = co_await quiet;
            EXPECT_EQ(value, 0);
        } catch (const bide::invalid_state_error&) { refused = true; }
        EXPECT_TRUE(refused);
        EXPECT_TRUE(watched.cancel());  // drops what can never run
        EXPECT_EQ(log, names{"dropped"});
        quiet.set_result(1);
        const int value = co_await quiet;  // done, it belongs to nobody
        EXPECT_EQ(value, 1);
    };
    loop.run_until_complete(main());
    loop.state().number = number;
}

BIDE_TEST(future, its_value_goes_with_the_last_handle) {
    names log;
    auto future = bide::create_future<noted>();
    future.set_result(noted(log, "value"));
    auto copy = future;
    future = {};
    EXPECT_TRUE(log.empty());
    copy = {};
    EXPECT_EQ(log, names{"value"});
    co_return;
}

BIDE_TEST(future, an_exception_that_nobody_retrieves_is_reported) {
    report_log reports(bide::get_running_loop());
    auto lost = bide::create_future<int>();
    lost.set_exception(std::runtime_error("unseen"));
    lost = {};
    EXPECT_TRUE(has(reports.text(), "Future exception was never retrieved", "unseen"));
    auto seen = bide::create_future<int>();
    seen.set_exception(std::runtime_error("seen"));
    const std::string text = co_await outcome(seen);
    EXPECT_EQ(text, "seen");
    seen = {};
    EXPECT_EQ(reports.size(), 1U);
}

BIDE_TEST(future, knows_its_loop) {
    const auto future = bide::create_future<int>();
    EXPECT_EQ(&future.get_loop(), &bide::get_running_loop());
    co_return;
}

TEST(future, a_cancel_sweep_over_an_await_leaves_it_cancelled_or_set) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        const auto future = bide::create_future<int>();
        const auto setter = bide::create_task(
            [](bide::future<int> to) -> bide::coro<void> {
                co_await bide::sleep(1s);
                if (!to.done()) to.set_result(1);
            },
            future);
        const std::string ended = co_await outcome(future);
        EXPECT_TRUE(ended == "cancelled" || future.result() == 1) << ended;
        EXPECT_TRUE(ended == "value" || ended == "cancelled") << ended;
        setter.cancel();
        co_await bide::sleep(0s);
        co_await bide::sleep(0s);
    });
}

}  // namespace
