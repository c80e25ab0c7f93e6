// bide/core: a loop that is closed with tasks suspended in every kind of wait: each is reported and destroyed, nothing
// leaks, and destructors may use what is left.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/socket.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using bide_test::has;
using bide_test::noted;
using bide_test::report_log;

using names = std::vector<std::string>;

// What the tasks wait for; outlives the loop.
struct things {
    things() {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    }
    things(const things&) = delete;
    things& operator=(const things&) = delete;
    ~things() {
        for (const int each : ends) ::close(each);
    }
    std::array<int, 2> ends{};
    bide::lock lock;
    bide::event event;
    bide::semaphore semaphore{0};
    bide::condition condition;
    bide::barrier barrier{2};
    bide::queue<int> queue;
    std::optional<bide::future<int>> future;
    bool last_turn = false;  // set by a task whose wait is over in this turn
    names log;
};

bide::coro<void> sleep_long(things& all) {
    const noted local(all.log, "sleep");
    co_await bide::sleep(1h);
}

using body = bide::coro<void> (*)(things&);

struct wait_case {
    const char* name;
    body make;
    std::size_t tasks = 1;  // that are destroyed
};

const wait_case cases[] = {
    {"not_started",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "never made");
         co_await bide::sleep(1h);
     }},
    {"sleep", sleep_long},
    {"nested",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "outer");
         co_await sleep_long(all);
     }},
    {"yield",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "yield");
         for (;;) co_await bide::sleep(0s);
     }},
    {"future",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "future");
         co_await *all.future;
     }},
    {"task",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "task");
         const auto inner = bide::create_task(sleep_long(all));
         co_await inner;
     },
     2},
    {"result_not_taken",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "result_not_taken");
         const auto future = bide::create_future<int>();
         bide::get_running_loop().call_soon([future, &all] {
             future.set_result(1);
             all.last_turn = true;
         });
         co_await future;
     }},
    {"as_result",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "as_result");
         const bide::result<void> result = co_await bide::as_result(sleep_long(all));
         static_cast<void>(result);
     }},
    {"readable",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "readable");
         co_await bide::wait_readable(all.ends[0]);
     }},
    {"ready_operation",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "ready_operation");
         for (;;) co_await bide::wait_writable(all.ends[1]);
     }},
    {"lock",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "lock");
         const auto scope = co_await all.lock.scoped();
         co_await all.lock.acquire();
     }},
    {"event",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "event");
         co_await all.event.wait();
     }},
    {"semaphore",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "semaphore");
         co_await all.semaphore.acquire();
     }},
    {"condition",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "condition");
         co_await all.condition.acquire();
         co_await all.condition.wait();
     }},
    {"barrier",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "barrier");
         co_await all.barrier.wait();
     }},
    {"queue",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "queue");
         co_await all.queue.get();
     }},
    {"gather",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "gather");
         const auto both = bide::gather(sleep_long(all), sleep_long(all));
         co_await both;
     },
     3},
    {"wait",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "wait");
         const std::vector<bide::task<void>> tasks(2, bide::create_task(sleep_long(all)));
         const auto done = co_await bide::wait(tasks);
         static_cast<void>(done);
     },
     2},
    {"shield",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "shield");
         const auto inner = bide::create_task(sleep_long(all));
         co_await bide::shield(inner);
     },
     2},
    {"wait_for",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "wait_for");
         co_await bide::wait_for(sleep_long(all), 30min);
     }},
    {"task_group",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "task_group");
         auto children = [&all](bide::task_group& group) -> bide::coro<void> {
             group.create_task(sleep_long(all));
             co_await bide::sleep(1h);
         };
         co_await bide::with_task_group(children);
     },
     2},
    {"cancelled_but_not_resumed",
     [](things& all) -> bide::coro<void> {
         const noted local(all.log, "cancelled_but_not_resumed");
         const bide::any_task self = bide::current_task();
         bide::get_running_loop().call_soon([self, &all] {
             self.cancel();
             all.last_turn = true;
         });
         co_await bide::sleep(1h);
     }},
};

// Suspends what `which` makes on a loop, closes it and returns what was reported.
std::string close_with(const wait_case& which, things& all) {
    bide::event_loop loop;
    const report_log reports(loop);
    all.future = bide::create_future<int>(loop);
    if (which.make != cases[0].make) {
        const auto task = bide::create_task(loop, which.make(all));
        for (int i = 0; i < 5 && !all.last_turn; ++i) {
            loop.call_soon([&] { loop.stop(); });
            loop.run_forever();
        }
    } else {
        bide::create_task(loop, which.make(all));
    }
    EXPECT_TRUE(all.log.empty());
    loop.close();
    return reports.text();
}

class close_in : public testing::TestWithParam<wait_case> {};

TEST_P(close_in, destroys_and_reports_every_task) {
    const auto frames_before = bide::detail::live_frames;
    things all;
    const std::string reports = close_with(GetParam(), all);
    std::size_t count = 0;
    for (std::size_t at = 0;
         (at = reports.find("Task was destroyed but it is pending", at)) != std::string::npos; ++at) {
        ++count;
    }
    EXPECT_EQ(count, GetParam().tasks) << reports;
    EXPECT_TRUE(has(reports, "close_test.cpp:"));
    EXPECT_EQ(GetParam().make == cases[0].make, all.log.empty());
    all.future.reset();
    EXPECT_EQ(bide::detail::live_frames, frames_before);
}

INSTANTIATE_TEST_SUITE_P(every_wait, close_in, testing::ValuesIn(cases),
                         [](const testing::TestParamInfo<wait_case>& each) { return each.param.name; });

// --- what destructors may do meanwhile ---

struct at_the_end {
    std::function<void()> act;
    ~at_the_end() {
        if (act) act();
    }
};

bide::coro<void> act_when_destroyed(std::function<void()> act) {
    const at_the_end local{std::move(act)};
    co_await bide::sleep(1h);
}

// Closes a loop with a task that does this when it is destroyed. Returns the reports.
std::string close_while(std::function<void(bide::event_loop&)> act) {
    bide::event_loop loop;
    const report_log reports(loop);
    bide::create_task(loop, act_when_destroyed([&] { act(loop); }));
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    loop.close();
    return reports.text();
}

TEST(close, a_destructor_may_look_at_its_loop_and_tasks) {
    std::size_t left = 99;
    close_while([&](bide::event_loop& loop) {
        EXPECT_EQ(&bide::get_running_loop(), &loop);
        left = bide::all_tasks().size();
    });
    EXPECT_EQ(left, 0U);
}

TEST(close, a_destructor_may_create_tasks_futures_and_callbacks_which_go_as_well) {
    names log;
    const std::string reports = close_while([&](bide::event_loop&) {
        bide::create_task(
            [](noted parameter) -> bide::coro<void> {
                co_await bide::sleep(1s);
                static_cast<void>(parameter);
            },
            noted(log, "late task"));
        const auto future = bide::create_future<void>();
        future.add_done_callback(
            [held = std::make_shared<noted>(log, "done callback")](const bide::future<void>&) {});
        future.set_result();
    });
    EXPECT_EQ(log.size(), 2U);
    EXPECT_EQ(std::count(reports.begin(), reports.end(), '\n'), 2);
}

TEST(close, a_callback_that_never_ran_may_leave_a_task_behind) {
    names log;
    bide::event_loop loop;
    const report_log reports(loop);
    const auto task = [](noted parameter) -> bide::coro<void> {
        static_cast<void>(parameter);
        co_return;
    };
    auto guard = std::make_shared<at_the_end>();
    guard->act = [&] { bide::create_task(task(noted(log, "late task"))); };
    loop.call_soon([held = std::move(guard)] {});
    loop.close();
    EXPECT_EQ(log, names{"late task"});
    EXPECT_TRUE(has(reports.text(), "Task was destroyed but it is pending"));
}

TEST(close, a_destructor_may_cancel_and_set_what_others_wait_for) {
    bide::event_loop loop;
    const report_log reports(loop);
    const auto future = bide::create_future<int>(loop);
    const auto waiter =
        bide::create_task(loop, [](bide::future<int> on) -> bide::coro<void> { co_await on; }(future));
    bide::create_task(loop, act_when_destroyed([&] {
                          future.set_result(1);
                          waiter.cancel();
                      }));
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
    loop.close();
    EXPECT_TRUE(waiter.cancelled());
    EXPECT_EQ(future.result(), 1);
}

TEST(close, an_exception_nobody_saw_goes_to_the_loops_own_handler) {
    bide::event_loop loop;
    const report_log reports(loop);
    auto failed = bide::create_future<int>(loop);
    failed.set_exception(std::runtime_error("unseen"));
    loop.close();
    failed = {};
    EXPECT_TRUE(has(reports.text(), "Future exception was never retrieved", "unseen"));
}

TEST(close, is_refused_while_running) {
    bide::event_loop loop;
    std::string text;
    loop.call_soon([&] {
        text = bide_test::thrown<bide::invalid_state_error>([&] { return loop.close(), 0; });
        loop.stop();
    });
    loop.run_forever();
    EXPECT_TRUE(has(text, "close: the event loop is running; stop it first"));
    EXPECT_FALSE(loop.is_closed());
}

}  // namespace
