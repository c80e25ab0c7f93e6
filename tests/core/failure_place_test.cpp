// bide/core: a report says which await an exception came from.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <chrono>
#include <source_location>
#include <stdexcept>
#include <string>

namespace {

using namespace std::chrono_literals;
using bide_test::report_log;

unsigned wanted = 0;  // the line that the report should name
void here(std::source_location place = std::source_location::current()) { wanted = place.line(); }

// The place in the report of a task that fails unseen.
template <class F>
std::string place_of_failure(F body) {
    std::string where;
    bide::testing::run_test([&where, body]() -> bide::coro<void> {
        bide::event_loop& loop = bide::get_running_loop();
        loop.set_exception_handler([&where](bide::event_loop&, const bide::exception_context& context) {
            where = context.message + "|" + context.where;
        });
        bide::create_task(body);
        co_await bide::sleep(1s);
        loop.set_exception_handler(nullptr);
    });
    const std::string head = "Task exception was never retrieved|";
    EXPECT_TRUE(where.starts_with(head)) << where;
    const std::size_t name = where.rfind('/');
    return where.substr(name == std::string::npos ? head.size() : name + 1);
}
std::string line(unsigned number) { return "failure_place_test.cpp:" + std::to_string(number); }

bide::coro<void> fails_by_itself() {
    here(), co_await bide::sleep(1ms);
    throw std::runtime_error("failed");
}

// The bodies are outside of EXPECT_EQ, whose lines are all one.

TEST(failure_place, is_the_latest_await_of_the_coroutine_that_threw) {
    const std::string place = place_of_failure([]() -> bide::coro<void> { co_await fails_by_itself(); });
    EXPECT_EQ(place, line(wanted));
}

TEST(failure_place, is_the_await_of_a_library_call_that_failed) {
    const std::string place = place_of_failure(
        []() -> bide::coro<void> { here(), co_await bide::open_connection("127.0.0.1", 1); });
    EXPECT_EQ(place, line(wanted));
}

TEST(failure_place, of_a_second_exception_is_its_own) {
    const std::string place = place_of_failure([]() -> bide::coro<void> {
        try {
            co_await fails_by_itself();
        } catch (const std::runtime_error&) {}
        here(), co_await bide::sleep(1ms);
        throw std::runtime_error("another one");
    });
    EXPECT_EQ(place, line(wanted));
}

TEST(failure_place, of_another_type_is_its_own) {
    const std::string place = place_of_failure([]() -> bide::coro<void> {
        bool failed = false;
        try {
            here(), co_await fails_by_itself();
        } catch (const std::runtime_error&) { failed = true; }
        if (failed) throw std::logic_error("another one");
    });
    EXPECT_NE(place, line(wanted));  // that of fails_by_itself
}

TEST(failure_place, of_an_awaited_task_is_the_await) {
    const std::string place = place_of_failure([]() -> bide::coro<void> {
        auto inner = bide::create_task(fails_by_itself());
        try {
            co_await inner;
        } catch (const std::runtime_error&) {}
        here(), co_await inner;
    });
    EXPECT_EQ(place, line(wanted));
}

TEST(failure_place, without_an_await_is_the_definition) {
    const std::string place = place_of_failure([]() -> bide::coro<void> {
        here();
        throw std::runtime_error("at once");
        co_return;
    });
    // clang names the line where it begins, GCC that where it ends.
    EXPECT_TRUE(place == line(wanted - 1) || place == line(wanted + 3)) << place;
}

}  // namespace
