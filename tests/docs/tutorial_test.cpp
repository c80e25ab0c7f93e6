// bide/tests: the code of the tutorial that is no program of its own.
// bide-test: no-shuffle
#include "support/async_test.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

std::vector<std::string> log;  // what the snippets did, in order

std::vector<std::string> take_log() { return std::exchange(log, {}); }

using lines = std::vector<std::string>;

bide::coro<int> fetch(int page) {
    co_await bide::sleep(1s);
    co_return page * 10;
}

BIDE_TEST(tutorial, a_coroutine_starts_when_it_is_awaited) {
    // [lazy]
    bide::coro<int> later = fetch(1);      // nothing runs yet
    int page = co_await std::move(later);  // now it runs, and this coroutine waits for it
    int other = co_await fetch(2);         // the usual way: awaited where it is made
    // [/lazy]
    EXPECT_EQ(page + other, 30);
}

BIDE_TEST(tutorial, gather_takes_a_range) {
    // [gather-range]
    std::vector<bide::coro<int>> pages;
    for (int page = 1; page <= 100; ++page) pages.push_back(fetch(page));

    std::vector<int> sizes = co_await bide::gather(std::move(pages));
    // [/gather-range]
    EXPECT_EQ(sizes.size(), 100U);
    EXPECT_EQ(sizes.back(), 1000);
}

BIDE_TEST(tutorial, a_task_keeps_what_it_is_given) {
    // [lambda-task]
    auto greeting = std::make_unique<std::string>("hello");
    auto task = bide::create_task(
        [](std::unique_ptr<std::string> text, int times) -> bide::coro<std::string> {
            co_await bide::sleep(1s);
            std::string all;
            for (int i = 0; i < times; ++i) all += *text;
            co_return all;
        },
        std::move(greeting), 2);
    // [/lambda-task]
    const std::string text = co_await task;
    EXPECT_EQ(text, "hellohello");
}

// [cleanup]
bide::coro<void> patient() {
    try {
        co_await bide::sleep(1h);
    } catch (const bide::cancelled_error&) {
        log.push_back("interrupted");  // put back what was half done
        throw;                         // and let the cancellation go on
    }
}
// [/cleanup]

BIDE_TEST(tutorial, cancel_throws_at_the_await) {
    // [cancel]
    auto task = bide::create_task(patient());
    co_await bide::sleep(1s);

    task.cancel();
    auto outcome = co_await bide::gather_results(task);
    // [/cancel]
    EXPECT_EQ(std::get<0>(outcome).error(), std::errc::operation_canceled);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(take_log(), lines{"interrupted"});
}

BIDE_TEST(tutorial, a_timeout_throws_outside) {
    // [wait-for]
    try {
        co_await bide::wait_for(patient(), 2s);
    } catch (const bide::timeout_error& error) { log.push_back(error.what()); }
    // [/wait-for]
    EXPECT_EQ(take_log().size(), 2U);
}

BIDE_TEST(tutorial, a_timeout_as_a_value) {
    // [as-result]
    auto reply = co_await bide::as_result(bide::wait_for(fetch(7), 100ms));
    int size = reply ? *reply : 0;
    // [/as-result]
    EXPECT_EQ(size, 0);
    EXPECT_EQ(reply.error(), std::errc::timed_out);
}

BIDE_TEST(tutorial, a_group_joins_its_children) {
    // [group]
    int total = 0;
    auto add = [&](int page) -> bide::coro<void> {
        const int size = co_await fetch(page);
        total += size;
    };
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        for (int page = 1; page <= 3; ++page) group.create_task(add(page));
        co_return;
    });
    log.push_back("all three are done: " + std::to_string(total));
    // [/group]
    EXPECT_EQ(take_log(), lines{"all three are done: 60"});
}

bide::coro<void> fail_after(std::chrono::seconds delay) {
    co_await bide::sleep(delay);
    throw std::runtime_error("no such page");
}

BIDE_TEST(tutorial, a_failure_cancels_the_siblings) {
    // [group-error]
    try {
        co_await bide::with_task_group([](bide::task_group& group) -> bide::coro<void> {
            group.create_task(patient());
            group.create_task(fail_after(1s));
            co_return;
        });
    } catch (const bide::exception_group& errors) {
        for (const auto& error : errors.exceptions()) log.push_back(bide::describe_exception(error));
    }
    // [/group-error]
    EXPECT_EQ(take_log(), (lines{"interrupted", "no such page"}));
}

int slow_parse(const std::string& text) {  // takes the processor for a while
    return static_cast<int>(text.size());
}

BIDE_TEST(tutorial, a_blocking_call_goes_to_a_thread) {
    const std::string text = "12345";
    // [to-thread]
    int words = co_await bide::to_thread(slow_parse, text);
    // [/to-thread]
    EXPECT_EQ(words, 5);
}

TEST(tutorial, ordinary_code_waits_for_a_coroutine) {
    // [sync-wait]
    int size = bide::sync_wait(bide::sleep(1ms, 42));
    // [/sync-wait]
    EXPECT_EQ(size, 42);
}

}  // namespace
