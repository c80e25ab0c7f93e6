// bide/core: tasks that do anything to each other, in an order drawn from a seed: nothing leaks, hangs or is used after
// its end. What goes wrong shows under the address sanitizer, in the checks of run_test, or as a deadlock.
// bide-test: no-shuffle
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"

#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using bide_test::outcome;

class storm {
public:
    explicit storm(unsigned seed) : random_(seed) {}

    [[nodiscard]] unsigned below(unsigned limit) { return static_cast<unsigned>(random_()) % limit; }
    [[nodiscard]] bide::task<int> any_task() { return tasks.at(below(static_cast<unsigned>(tasks.size()))); }
    [[nodiscard]] bide::future<int> any_future() {
        return futures.at(below(static_cast<unsigned>(futures.size())));
    }

    void settle_some_future() {
        const bide::future<int> future = any_future();
        if (!future.done()) {
            const unsigned how = below(4);
            if (how < 2) future.set_result(1);
            if (how == 2) future.set_exception(std::runtime_error("set"));
            if (how == 3) future.cancel("future");
        }
        futures.at(below(static_cast<unsigned>(futures.size()))) = bide::create_future<int>();
    }

    std::vector<bide::task<int>> tasks;
    std::vector<bide::future<int>> futures;
    bool ending = false;  // from now on nobody swallows a cancellation

private:
    std::minstd_rand random_;
};

bide::coro<int> live(storm& all, int depth);

bide::coro<int> do_something(storm& all, int depth) {
    const unsigned what = all.below(16);
    int value = 0;
    if (what == 0) {
        co_await bide::sleep(std::chrono::milliseconds(all.below(3000)));
    } else if (what == 1) {
        co_await bide::sleep(0s);
    } else if (what == 2) {
        value = co_await all.any_future();
    } else if (what == 3) {
        value = co_await all.any_task();  // may be this one
    } else if (what == 4 && depth < 3) {
        all.tasks.push_back(bide::create_task(live(all, depth + 1)));
    } else if (what == 5 && depth < 3) {
        value = co_await bide::create_task(live(all, depth + 1), bide::task_options().eager_start());
    } else if (what == 6) {
        all.any_task().cancel("storm");
    } else if (what == 7) {
        const bide::task<int> other = all.any_task();
        if (other.cancelling() > 0) other.uncancel();
    } else if (what == 8) {
        all.settle_some_future();
    } else if (what == 9) {
        const bide::result<int> result = co_await bide::as_result(all.any_task());
        value = result.value_or(2);
    } else if (what == 10 && depth < 3) {
        value = co_await live(all, depth + 1);
    } else if (what == 11) {
        throw std::runtime_error("thrown");
    } else if (what == 12) {
        const auto both = bide::gather(all.any_task(), all.any_future());
        co_await both;
    } else if (what == 13) {
        value = co_await bide::wait_for(all.any_task(), std::chrono::milliseconds(all.below(2000)));
    } else if (what == 14) {
        value = co_await bide::shield(all.any_task());
    } else if (what == 15) {
        const bide::any_task self = bide::current_task();
        self.cancel();
        if (all.below(2) == 0) self.uncancel();
    }
    co_return value;
}

bide::coro<int> live(storm& all, int depth) {
    int value = 0;
    const unsigned actions = 1 + all.below(5);
    for (unsigned i = 0; i < actions; ++i) {
        const bool swallows = all.below(5) == 0;
        try {
            const int more = co_await do_something(all, depth);
            value += more;
        } catch (const bide::cancelled_error&) {
            if (!swallows || all.ending) throw;
        } catch (const std::exception&) {
            if (!swallows || all.ending) throw;
        }
    }
    co_return value;
}

void begin(storm& all, bide::event_loop& loop) {
    for (int i = 0; i < 8; ++i) all.futures.push_back(bide::create_future<int>(loop));
    for (int i = 0; i < 30; ++i) all.tasks.push_back(bide::create_task(loop, live(all, 0)));
}

// What nobody looked at after the loop is gone is written to stderr.
class quiet {
public:
    quiet() { testing::internal::CaptureStderr(); }
    quiet(const quiet&) = delete;
    quiet& operator=(const quiet&) = delete;
    ~quiet() { testing::internal::GetCapturedStderr(); }
};

// Lets them be for a while, then ends them all: also those that await each other in a ring.
bide::coro<void> until_all_are_done(storm& all) {
    std::size_t left = 1;
    for (int round = 0; left != 0 && round < 1000; ++round) {
        co_await bide::sleep(1s);
        all.settle_some_future();
        left = 0;
        for (std::size_t i = 0; i < all.tasks.size(); ++i) {
            const bide::task<int> task = all.tasks[i];
            if (task.done()) continue;
            ++left;
            if (round > 20 || all.below(10) == 0) task.cancel("end of the storm");
        }
    }
    EXPECT_EQ(left, 0U);
}

constexpr unsigned seeds = 150;  // some 30 tasks each, and their children

TEST(storm, passes) {
    const quiet reports_after_the_end;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE(seed);
        storm all(seed);
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                const bide_test::report_log reports(bide::get_running_loop());
                begin(all, bide::get_running_loop());
                co_await until_all_are_done(all);
                all.ending = true;
            },
            bide::testing::test_options().allow_reports().allow_tasks());
    }
}

TEST(storm, is_cut_off_by_the_end_of_run) {
    const quiet reports_after_the_end;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE(seed);
        storm all(seed);
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                const bide_test::report_log reports(bide::get_running_loop());
                begin(all, bide::get_running_loop());
                co_await bide::sleep(std::chrono::milliseconds(all.below(3000)));
                all.ending = true;
            },
            bide::testing::test_options().allow_reports().allow_tasks());
    }
}

TEST(storm, is_cut_off_by_close) {
    const quiet reports_after_the_end;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE(seed);
        const auto frames_before = bide::detail::live_frames;
        std::optional<bide_test::report_log> reports;
        storm all(seed);
        {
            bide::event_loop loop;
            reports.emplace(loop);
            begin(all, loop);
            const unsigned turns = all.below(10);
            for (unsigned i = 0; i < turns; ++i) {
                loop.call_soon([&] { loop.stop(); });
                loop.run_forever();
            }
            loop.close();
        }
        for (const bide::task<int>& each : all.tasks) EXPECT_TRUE(each.done());
        EXPECT_EQ(bide::detail::live_frames, frames_before);
    }
}

}  // namespace
