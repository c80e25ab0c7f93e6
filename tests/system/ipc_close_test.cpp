// bide/tests: what becomes of those who wait for other processes when their loop closes, when operations fail, and when
// descriptors run out.
// bide-test: no-shuffle
#include <bide/process_event.hpp>
#include <bide/process_lock.hpp>
#include <bide/process_queue.hpp>
#include <bide/process_semaphore.hpp>

#include <sys/resource.h>

#include "os/open_descriptors.hpp"
#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;

// Runs tasks on a loop until they wait, and closes it.
template <class... Make>
void close_on(Make... make) {
    const std::size_t before = bide::detail::open_descriptors().size();
    {
        bide::event_loop loop;
        const bide_test::report_log reports(loop);
        (bide::create_task(loop, make()), ...);
        loop.call_later(1ms, [&] { loop.stop(); });
        loop.run_forever();
        loop.close();
    }
    EXPECT_EQ(bide::detail::open_descriptors().size(), before);
}

TEST(ipc_close, lock_that_a_closed_loop_waited_for_goes_to_others) {
    const named<bide::process_lock> my("close-lock");
    bide::process_lock holder(my.name);
    bide::process_lock waiter(my.name);
    bide::run([&]() -> bide::coro<void> { co_await holder.acquire(); }());
    const auto wait = [&]() -> bide::coro<void> { co_await waiter.acquire(); };
    close_on(wait, wait);
    holder.release();
    EXPECT_FALSE(holder.locked());
}

TEST(ipc_close, lock_that_was_granted_to_a_closed_loop_is_free) {
    const named<bide::process_lock> my("close-granted");
    bide::process_lock holder(my.name);
    bide::process_lock waiter(my.name);
    bide::run([&]() -> bide::coro<void> { co_await holder.acquire(); }());
    const auto wait = [&]() -> bide::coro<void> {
        co_await waiter.acquire();
        ADD_FAILURE() << "its loop has closed";
    };
    {
        bide::event_loop loop;
        const bide_test::report_log reports(loop);
        bide::create_task(loop, wait());
        loop.call_later(1ms, [&] {
            holder.release();
            loop.stop();
        });
        loop.run_forever();
        loop.close();
    }
    EXPECT_FALSE(holder.locked());
}

TEST(ipc_close, semaphore_event_and_queue_have_no_waiter_left) {
    bide::process_semaphore places(1);
    bide::process_event flag;
    bide::process_queue<int> items(1);
    bide::process_queue<int> full(1);
    full.put_nowait(1);
    bide::run([&]() -> bide::coro<void> { co_await places.acquire(); }());
    const auto wait_places = [&]() -> bide::coro<void> { co_await places.acquire(); };
    const auto wait_flag = [&]() -> bide::coro<void> { co_await flag.wait(); };
    const auto wait_items = [&]() -> bide::coro<void> { static_cast<void>(co_await items.get()); };
    const auto wait_room = [&]() -> bide::coro<void> { co_await full.put(2); };
    close_on(wait_places, wait_flag, wait_items, wait_items, wait_room, wait_room);
    places.release();
    EXPECT_EQ(places.value(), 1U);
    flag.set();
    items.put_nowait(3);
    EXPECT_EQ(items.get_nowait(), 3);
    EXPECT_EQ(full.get_nowait(), 1);
}

TEST(ipc_close, tasks_that_wait_beyond_the_first_moment_are_watched_without_leaks) {
    const named<bide::process_lock> my("close-watched");
    const signal_pipe locked;
    child owner([&] {
        return run_here([&]() -> bide::coro<void> {
            bide::process_lock mutex(my.name);
            co_await mutex.acquire();
            locked.tell();
            co_await bide::sleep(1h);
        });
    });
    locked.wait();
    bide::process_lock waiter(my.name);
    const std::size_t before = bide::detail::open_descriptors().size();
    {
        bide::event_loop loop;
        const bide_test::report_log reports(loop);
        const auto wait = [&]() -> bide::coro<void> { co_await waiter.acquire(); };
        bide::create_task(loop, wait());
        loop.call_later(30ms, [&] { loop.stop(); });
        loop.run_forever();
        loop.close();
    }
    EXPECT_EQ(bide::detail::open_descriptors().size(), before);
}

// A wait lasts as long as nobody rings, whatever fails meanwhile.
TEST(ipc_close, fault_sweep) {
    const named<bide::process_lock> my("fault-lock");
    const named<bide::process_queue<int>> queue_name("fault-queue");
    bide::testing::fail_everywhere(
        [&]() -> bide::coro<void> {
            bide::process_lock one(my.name);
            bide::process_lock other(my.name);
            bide::process_queue<int> in(queue_name.name, 1);
            bide::process_queue<int> out(queue_name.name, 1);
            co_await one.acquire();
            auto waiting =
                bide::create_task([&]() -> bide::coro<void> { auto held = co_await other.scoped(); });
            auto getting = bide::create_task([&]() -> bide::coro<int> { co_return co_await in.get(); });
            co_await bide::sleep(2ms);
            one.release();
            co_await bide::wait_for(waiting, 20s);
            co_await out.put(5);
            const int item = co_await bide::wait_for(getting, 20s);
            EXPECT_EQ(item, 5);
        },
        EIO, [](std::uint64_t) {}, real_time());
}

// Needs a descriptor for its door, and one for each process that it watches.
TEST(ipc_close, wait_without_descriptors_throws_or_watches_less) {
    const named<bide::process_lock> my("emfile");
    const signal_pipe locked;
    child owner([&] {
        return run_here([&]() -> bide::coro<void> {
            bide::process_lock mutex(my.name);
            co_await mutex.acquire();
            locked.tell();
            co_await bide::sleep(1h);
        });
    });
    locked.wait();
    ::rlimit old{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &old), 0);
    // The undefined-behaviour sanitizer cannot look at an object while no descriptor is left, and calls that a defect.
    for (int spare = BIDE_ASAN != 0 ? 1 : 0; spare < 2; ++spare) {
        bide::process_lock waiter(my.name);
        bide::testing::run_test(
            [&]() -> bide::coro<void> {
                std::vector<bide::descriptor> all;
                ::rlimit low = old;
                low.rlim_cur = 100;
                ::setrlimit(RLIMIT_NOFILE, &low);
                for (int fd = 0; (fd = ::dup(0)) >= 0;) all.emplace_back(fd);
                if (spare != 0) all.pop_back();
                auto waiting = bide::create_task([&]() -> bide::coro<void> { co_await waiter.acquire(); });
                co_await bide::sleep(80ms);
                if (spare == 0) {
                    EXPECT_TRUE(waiting.done());
                    const std::string how = co_await bide_test::outcome(waiting);
                    EXPECT_TRUE(bide_test::has(how, "socket to be woken at", "Too many open files"));
                } else {
                    EXPECT_FALSE(waiting.done());
                    owner.kill();
                    all.clear();
                    const std::string how = co_await bide_test::outcome(bide::wait_for(waiting, 20s));
                    EXPECT_TRUE(bide_test::has(how, "has ended"));
                }
                all.clear();
                ::setrlimit(RLIMIT_NOFILE, &old);
            },
            real_time());
    }
}

}  // namespace
