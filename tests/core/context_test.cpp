// bide/core: context variables follow a task and what it starts.
#include <bide/context.hpp>

#include "support/async_test.hpp"
#include "support/expect.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::thrown;

// [context_var]
bide::context_var<std::string> request_id("none");

bide::coro<std::string> log_line(std::string text) {
    co_await bide::sleep(1s);
    co_return "[" + request_id.get() + "] " + text;  // the value of the task that this runs in
}

bide::coro<std::string> handle_request(std::string id) {
    request_id.set(std::move(id));
    const std::string line = co_await log_line("handled");
    co_return line;
}
// [/context_var]

bide::context_var<int> without_default;
bide::context_var<int> level(0);

bide::coro<int> level_later() {
    co_await bide::sleep(1s);
    co_return level.get();
}

BIDE_TEST(context, each_task_has_its_own_values) {
    const auto first = bide::create_task(handle_request("1"));
    const auto second = bide::create_task(handle_request("2"));
    const std::string a = co_await first;
    const std::string b = co_await second;
    EXPECT_EQ(a, "[1] handled");
    EXPECT_EQ(b, "[2] handled");
    EXPECT_EQ(request_id.get(), "none");
}

BIDE_TEST(context, an_awaited_coroutine_shares_the_values_of_its_awaiter) {
    const std::string line = co_await handle_request("3");
    EXPECT_EQ(line, "[3] handled");
    EXPECT_EQ(request_id.get(), "3");
}

BIDE_TEST(context, a_task_starts_with_a_copy_of_its_creators_values) {
    level.set(1);
    const auto task = bide::create_task(level_later());
    level.set(2);  // too late for the task
    const int seen = co_await task;
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(level.get(), 2);
    const auto body = []() -> bide::coro<void> {
        level.set(3);  // for itself only
        co_await bide::sleep(1s);
    };
    co_await bide::create_task(body());
    EXPECT_EQ(level.get(), 2);
}

BIDE_TEST(context, get_without_a_value) {
    EXPECT_EQ(level.get(), 0);
    EXPECT_EQ(without_default.get_or(5), 5);
    EXPECT_EQ(level.get_or(5), 0);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([] { return without_default.get(); }),
                    "context_var::get: the variable has no value in this context and no default"));
    without_default.set(6);
    EXPECT_EQ(without_default.get(), 6);
    EXPECT_EQ(without_default.get_or(5), 6);
    co_return;
}

BIDE_TEST(context, reset_restores_the_value_before_set) {
    auto first = level.set(1);
    auto second = level.set(2);
    EXPECT_EQ(level.get(), 2);
    level.reset(std::move(second));
    EXPECT_EQ(level.get(), 1);
    level.reset(std::move(first));
    EXPECT_EQ(level.get(), 0);
    auto only = without_default.set(1);
    without_default.reset(std::move(only));
    EXPECT_EQ(without_default.get_or(9), 9);
    co_return;
}

BIDE_TEST(context, a_task_can_be_given_a_context) {
    level.set(1);
    const bide::context one = bide::copy_context();
    level.set(2);
    const auto task = bide::create_task(level_later(), bide::task_options().context(one));
    const int seen = co_await task;
    EXPECT_EQ(seen, 1);
    const bide::task<int> plain =
        bide::create_task(level_later(), bide::task_options().context(bide::context()));
    const int empty = co_await plain;
    EXPECT_EQ(empty, 0);
    // What a task has set can be handed on.
    const auto setting = bide::create_task([]() -> bide::coro<void> {
        level.set(7);
        co_return;
    });
    co_await setting;
    const auto heir = bide::create_task(level_later(), bide::task_options().context(setting.get_context()));
    const int inherited = co_await heir;
    EXPECT_EQ(inherited, 7);
}

BIDE_TEST(context, a_callback_runs_with_a_copy_made_when_it_was_scheduled) {
    int seen = -1;
    int later = -1;
    level.set(1);
    bide::get_running_loop().call_soon([&] { seen = level.get(); });
    bide::get_running_loop().call_later(1s, [&] { later = level.get(); });
    level.set(2);
    co_await bide::sleep(2s);
    EXPECT_EQ(seen, 1);
    EXPECT_EQ(later, 1);
}

BIDE_TEST(context, a_callback_may_set_values_for_itself_and_what_it_starts) {
    std::vector<int> seen;
    bide::event_loop& loop = bide::get_running_loop();
    level.set(1);
    bide::task<int> started;
    loop.call_soon([&] {
        seen.push_back(level.get());
        level.set(5);
        seen.push_back(level.get());
        started = bide::create_task(level_later());
        loop.call_soon([&] { seen.push_back(level.get()); });
    });
    loop.call_soon([&] { seen.push_back(level.get() * 10); });
    co_await bide::sleep(3s);
    EXPECT_EQ(level.get(), 1);
    EXPECT_EQ(started.result(), 5);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), 1);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 5), 2);
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 10), 1);
}

BIDE_TEST(context, all_calls_of_a_reader_share_one_context) {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    EXPECT_EQ(::write(ends[1], "xx", 2), 2);
    std::vector<int> seen;
    bide::event_loop& loop = bide::get_running_loop();
    level.set(1);
    const auto done = bide::create_future<void>();
    loop.add_reader(ends[0], [&] {
        char byte = 0;
        EXPECT_EQ(::read(ends[0], &byte, 1), 1);
        seen.push_back(level.get());
        level.set(level.get() + 1);
        if (seen.size() < 2) return;
        loop.remove_reader(ends[0]);
        done.set_result();
    });
    co_await done;
    EXPECT_EQ(seen, (std::vector<int>{1, 2}));
    EXPECT_EQ(level.get(), 1);
    co_await bide::sleep(1s);
    ::close(ends[0]);
    ::close(ends[1]);
}

BIDE_TEST(context, a_done_callback_has_the_context_of_its_registration) {
    int seen = -1;
    const auto body = []() -> bide::coro<void> {
        level.set(8);
        co_await bide::sleep(1s);
    };
    const auto task = bide::create_task(body());
    level.set(1);
    task.add_done_callback([&](const bide::task<void>&) { seen = level.get(); });
    level.set(2);
    co_await task;
    co_await bide::sleep(1s);
    EXPECT_EQ(seen, 1);
}

// A value's destructor may look at the context that is just being replaced.
struct looks_back {
    explicit looks_back(int* to) : seen(to) {}
    ~looks_back() {
        if (seen != nullptr) *seen = level.get();
    }
    int* seen;
};
bide::context_var<std::shared_ptr<looks_back>> holder(nullptr);

BIDE_TEST(context, values_go_when_no_context_holds_them) {
    int seen = -1;
    level.set(4);
    holder.set(std::make_shared<looks_back>(&seen));
    EXPECT_EQ(seen, -1);
    const bide::context copy = bide::copy_context();
    holder.set(nullptr);
    EXPECT_EQ(seen, -1);  // the copy still holds it
    level.set(5);
    holder.set(std::make_shared<looks_back>(&seen));
    holder.set(nullptr);
    EXPECT_EQ(seen, 5);
    co_return;
}

TEST(context, outside_a_loop_there_are_only_defaults) {
    EXPECT_EQ(level.get(), 0);
    EXPECT_TRUE(has(thrown<bide::invalid_state_error>([] { return level.set(1), 0; }),
                    "context_var::set: no event loop is running in this thread",
                    "call it from a task or callback"));
    const bide::context empty = bide::copy_context();
    EXPECT_EQ(empty.data(), nullptr);
}

}  // namespace
