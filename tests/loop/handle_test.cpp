// bide/loop: what a handle of a scheduled call can and cannot do.
// bide-test: no-shuffle
#include "loop/loop_support.hpp"

#include <atomic>
#include <thread>

#include <bide/handle.hpp>

namespace loop_tests {

namespace {

using bide::handle;
using bide::timer_handle;

TEST(handle, cancel_takes_the_call_back) {
    virtual_loop loop;
    bool ran = false;
    handle h = loop.call_soon([&] { ran = true; });
    EXPECT_FALSE(h.cancelled());
    h.cancel();
    EXPECT_TRUE(h.cancelled());
    h.cancel();
    loop.run_for(1s);
    EXPECT_FALSE(ran);
    EXPECT_TRUE(h.cancelled());
}

TEST(handle, cancel_releases_function_and_arguments_at_once) {
    virtual_loop loop;
    log seen;
    handle soon = loop.call_soon([](const noted&) {}, noted(seen, "soon"));
    timer_handle later = loop.call_later(1h, [kept = noted(seen, "later")] {});
    soon.cancel();
    EXPECT_EQ(seen, log{"soon"});
    later.cancel();
    EXPECT_EQ(seen, (log{"soon", "later"}));
    loop.run_for(2h);
    EXPECT_EQ(seen.size(), 2U);
}

TEST(handle, reads_like_this) {
    virtual_loop loop;
    log seen;
    const auto give_up = [&] { seen.push_back("gave up"); };
    const auto finished = [&] { seen.push_back("finished"); };
    // [cancel]
    bide::timer_handle limit = loop.call_later(5s, give_up);
    loop.call_later(3s, [&, limit]() mutable {
        finished();
        limit.cancel();  // in time: give_up is not called
    });
    // [/cancel]
    loop.run_for(10s);
    EXPECT_EQ(seen, log{"finished"});
}

TEST(handle, cancel_has_no_effect_on_what_has_run) {
    virtual_loop loop;
    handle soon = loop.call_soon([] {});
    timer_handle later = loop.call_later(1s, [] {});
    handle threadsafe = loop.call_soon_threadsafe([] {});
    loop.run_for(2s);
    for (handle* const each : {&soon, static_cast<handle*>(&later), &threadsafe}) {
        each->cancel();
        EXPECT_FALSE(each->cancelled());
    }
}

TEST(handle, a_call_may_cancel_itself_while_it_runs) {
    virtual_loop loop;
    log seen;
    timer_handle h;
    h = loop.call_later(1s, [&, kept = noted(seen, "released")] {
        h.cancel();
        seen.push_back("still here");
    });
    loop.run_for(2s);
    EXPECT_FALSE(h.cancelled());
    EXPECT_EQ(seen, (log{"still here", "released"}));
}

TEST(handle, a_call_may_cancel_another_of_its_batch) {
    virtual_loop loop;
    log seen;
    handle second;
    timer_handle third;
    loop.call_soon([&] { second.cancel(); });
    second = loop.call_soon([&, kept = noted(seen, "second released")] { seen.push_back("second ran"); });
    loop.call_later(5s, [&] { third.cancel(); });
    third = loop.call_later(5s, [&, kept = noted(seen, "third released")] { seen.push_back("third ran"); });
    loop.run_for(10s);
    EXPECT_EQ(seen, (log{"second released", "third released"}));
}

TEST(handle, dropping_it_changes_nothing) {
    virtual_loop loop;
    int ran = 0;
    {
        handle h = loop.call_soon([&] { ++ran; });
    }
    {
        timer_handle h = loop.call_later(1s, [&] { ++ran; });
    }
    static_cast<void>(loop.call_soon_threadsafe([&] { ++ran; }));
    loop.run_for(2s);
    EXPECT_EQ(ran, 3);
}

TEST(handle, copies_refer_to_the_same_call) {
    virtual_loop loop;
    handle first = loop.call_soon([] {});
    handle second = first;
    handle third;
    EXPECT_FALSE(third);
    third = std::move(first);
    EXPECT_FALSE(first);  // NOLINT: that it is empty is the test
    first.cancel();       // of an empty one: nothing
    EXPECT_FALSE(first.cancelled());
    second.cancel();
    EXPECT_TRUE(third.cancelled());
    const handle& same = third;
    third = same;
    EXPECT_TRUE(third.cancelled());
}

TEST(handle, a_timer_handle_knows_when) {
    virtual_loop loop;
    const auto now = loop.time();
    EXPECT_EQ(loop.call_later(3s, [] {}).when(), now + 3s);
    EXPECT_EQ(loop.call_at(now + 7s, [] {}).when(), now + 7s);
    EXPECT_EQ(loop.call_later(bide::duration::max(), [] {}).when(), bide::time_point::max());
}

// The captures own the handle: all of it goes during cancel(), in the wheel or in the batch that is running.
TEST(handle, cancel_may_destroy_the_handle_it_is_called_on) {
    struct session {
        timer_handle timeout;
    };
    for (const bide::duration when : {bide::duration(1s), bide::duration(1h)}) {
        virtual_loop loop;
        session* only = nullptr;
        std::weak_ptr<session> watched;
        loop.call_later(when, [&] {
            only->timeout.cancel();
            EXPECT_TRUE(watched.expired());
        });
        {
            const auto owner = std::make_shared<session>();
            only = owner.get();
            watched = owner;
            owner->timeout = loop.call_later(1h, [kept = owner] { ADD_FAILURE(); });
        }
        EXPECT_FALSE(watched.expired());
        loop.run_for(2h);
        EXPECT_TRUE(watched.expired());
    }
}

TEST(handle, a_destructor_that_cancel_runs_may_use_the_loop) {
    virtual_loop loop;
    log seen;
    struct scheduler {
        scheduler(bide::event_loop& in, log& into) : loop(&in), out(&into) {}
        scheduler(scheduler&& other) noexcept : loop(std::exchange(other.loop, nullptr)), out(other.out) {}
        scheduler& operator=(scheduler&&) = delete;
        ~scheduler() {
            if (loop == nullptr) return;
            loop->call_later(1s, [out = out] { out->push_back("set by the destructor"); });
        }
        bide::event_loop* loop;
        log* out;
    };
    timer_handle h = loop.call_later(1h, [held = scheduler(loop, seen)] {});
    h.cancel();
    loop.run_for(1min);
    EXPECT_EQ(seen, log{"set by the destructor"});
}

// --- of call_soon_threadsafe ---

TEST(handle, a_threadsafe_call_that_is_cancelled_is_released_by_the_loop) {
    virtual_loop loop;
    log seen;
    handle h = loop.call_soon_threadsafe([&, kept = noted(seen, "released")] { seen.push_back("ran"); });
    std::thread([&] { h.cancel(); }).join();
    EXPECT_TRUE(h.cancelled());
    EXPECT_TRUE(seen.empty());
    loop.run_for(1s);
    EXPECT_EQ(seen, log{"released"});
}

TEST(handle, a_cancel_from_another_thread_prevents_the_call_or_comes_after_it_began) {
    constexpr int calls = 3000;
    bide::event_loop loop;
    std::vector<int> ran(calls, 0);
    int cancelled = 0;
    std::thread other([&] {
        std::vector<handle> handles;
        for (int i = 0; i < calls; ++i) {
            handles.push_back(loop.call_soon_threadsafe([&ran, i] { ++ran[static_cast<std::size_t>(i)]; }));
            if (i % 3 == 0) handles.back().cancel();
        }
        std::vector<bool> was_cancelled;
        for (const handle& each : handles) was_cancelled.push_back(each.cancelled());
        loop.call_soon_threadsafe([&, was_cancelled] {
            for (int i = 0; i < calls; ++i) {
                const bool gone = was_cancelled[static_cast<std::size_t>(i)];
                cancelled += gone ? 1 : 0;
                EXPECT_EQ(ran[static_cast<std::size_t>(i)], gone ? 0 : 1) << i;
            }
            loop.stop();
        });
    });
    loop.run_forever();
    other.join();
    EXPECT_LE(cancelled, calls / 3);
}

TEST(handle, of_a_threadsafe_call_may_be_copied_and_dropped_anywhere) {
    bide::event_loop loop;
    std::atomic<bool> ended{false};
    std::thread other([&] {
        for (int i = 0; i < 500; ++i) {
            const handle h = loop.call_soon_threadsafe([] {});
            std::jthread([copy = h]() mutable { copy.cancel(); });
        }
        ended = true;
        loop.call_soon_threadsafe([&] { loop.stop(); });
    });
    loop.run_forever();
    other.join();
    EXPECT_TRUE(ended);
}

}  // namespace

}  // namespace loop_tests
