// bide/tests: the code of the page on embedding: bide in GLib's main loop, and GLib's in bide.
// bide-test: no-shuffle
// bide-test: uses glib-2.0
#include "support/async_test.hpp"

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using lines = std::vector<std::string>;

// --- bide in GLib ---

// [source]
struct bide_source {
    GSource base;  // must be the first
    bide::event_loop* loop;
};

bide::event_loop& loop_of(GSource* source) { return *reinterpret_cast<bide_source*>(source)->loop; }

// Before GLib waits: how long it may, in milliseconds; -1: for as long as the descriptor is quiet.
gboolean prepare(GSource* source, int* timeout) {
    bide::event_loop& loop = loop_of(source);
    *timeout = -1;
    if (const auto deadline = loop.next_deadline()) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - loop.time());
        *timeout = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000));
    }
    return *timeout == 0;
}

gboolean dispatch(GSource* source, GSourceFunc, void*) {
    loop_of(source).run_ready();
    return G_SOURCE_CONTINUE;
}

GSource* attach(bide::event_loop& loop, GMainContext* context) {
    static GSourceFuncs functions = {prepare, nullptr, dispatch, nullptr, nullptr, nullptr};
    GSource* const source = g_source_new(&functions, sizeof(bide_source));
    reinterpret_cast<bide_source*>(source)->loop = &loop;
    g_source_add_unix_fd(source, loop.poll_descriptor(), G_IO_IN);
    g_source_attach(source, context);
    return source;
}
// [/source]

bide::coro<std::string> ask(std::string question) {
    auto look_up = [question] { return question + "? yes"; };
    co_await bide::sleep(20ms);
    const std::string answer = co_await bide::to_thread(std::move(look_up));
    co_return answer;
}

TEST(glib, runs_bide) {
    lines log;
    // [host]
    GMainLoop* const main_loop = g_main_loop_new(nullptr, FALSE);
    bide::runner runner;
    bide::event_loop& loop = runner.get_loop();
    GSource* const source = attach(loop, nullptr);

    auto work = bide::create_task(loop, [&]() -> bide::coro<void> {  // as a button's callback would
        const std::string answer = co_await ask("ready");
        log.push_back(answer);
        g_main_loop_quit(main_loop);
    });
    g_main_loop_run(main_loop);

    g_source_destroy(source);
    g_source_unref(source);
    runner.close();  // cancels the tasks that are left, and waits for them
    // [/host]
    g_main_loop_unref(main_loop);
    EXPECT_EQ(log, lines{"ready? yes"});
    EXPECT_TRUE(work.done());
}

// Callbacks of GLib and tasks of bide take turns in one thread.
TEST(glib, and_bide_take_turns) {
    GMainLoop* const main_loop = g_main_loop_new(nullptr, FALSE);
    bide::runner runner;
    bide::event_loop& loop = runner.get_loop();
    GSource* const source = attach(loop, nullptr);
    struct shared {
        GMainLoop* main_loop;
        bide::queue<int> ticks{};
        int calls = 0;
    } both{main_loop};
    g_timeout_add(
        1,
        [](void* data) -> gboolean {
            auto& to = *static_cast<shared*>(data);
            to.ticks.put_nowait(++to.calls);  // nothing the operating system could tell bide of
            return to.calls < 20 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
        },
        &both);
    int sum = 0;
    auto work = bide::create_task(loop, [&]() -> bide::coro<void> {
        for (int i = 0; i < 20; ++i) sum += co_await both.ticks.get();
        g_main_loop_quit(main_loop);
    });
    g_main_loop_run(main_loop);
    g_source_destroy(source);
    g_source_unref(source);
    runner.close();
    g_main_loop_unref(main_loop);
    EXPECT_EQ(sum, 210);
}

// --- GLib in bide ---

// [context]
// Until one of the descriptors is ready, or `timeout` milliseconds have passed; negative: no limit.
bide::coro<void> wait_for_any(std::span<const GPollFD> watched, int timeout) {
    bide::event_loop& loop = bide::get_running_loop();
    bide::event ready;
    for (const GPollFD& each : watched) {
        if ((each.events & G_IO_IN) != 0) loop.add_reader(each.fd, [&] { ready.set(); });
        if ((each.events & G_IO_OUT) != 0) loop.add_writer(each.fd, [&] { ready.set(); });
    }
    const std::shared_ptr<void> at_end(nullptr, [&](void*) {
        for (const GPollFD& each : watched) {
            loop.remove_reader(each.fd);
            loop.remove_writer(each.fd);
        }
    });
    try {
        if (timeout < 0) co_await ready.wait();
        if (timeout >= 0) co_await bide::wait_for(ready.wait(), std::chrono::milliseconds(timeout));
    } catch (const bide::timeout_error&) {  // then GLib's own timers are due
    }
}

// Runs the callbacks of a GLib context until it is cancelled.
bide::coro<void> run_context(GMainContext* context) {
    std::vector<GPollFD> watched(16);
    g_main_context_acquire(context);
    const std::shared_ptr<void> at_end(nullptr, [&](void*) { g_main_context_release(context); });
    for (;;) {
        int priority = 0;
        int timeout = 0;
        g_main_context_prepare(context, &priority);
        const auto query = [&] {
            return static_cast<std::size_t>(g_main_context_query(context, priority, &timeout, watched.data(),
                                                                 static_cast<int>(watched.size())));
        };
        const std::size_t count = query();
        if (count > watched.size()) {
            watched.resize(count);
            query();
        }
        if (timeout == 0) {
            co_await bide::sleep(0s);  // the other tasks' turn
        } else {
            co_await wait_for_any(std::span(watched).first(count), timeout);
        }
        g_poll(watched.data(), static_cast<unsigned>(count), 0);
        if (g_main_context_check(context, priority, watched.data(), static_cast<int>(count)) != FALSE)
            g_main_context_dispatch(context);
    }
}
// [/context]

TEST(glib, runs_in_bide) {
    GMainContext* const context = g_main_context_new();
    struct shared {
        bide::event done;
        int ticks = 0;
        bool idle = false;
    } state;
    const auto add = [&](GSource* source, GSourceFunc fn) {
        g_source_set_callback(source, fn, &state, nullptr);
        g_source_attach(source, context);
        g_source_unref(source);
    };
    bide::run([](GMainContext* glib, shared& to, auto attach_to) -> bide::coro<void> {
        auto running = bide::create_task(run_context(glib));
        attach_to(g_idle_source_new(), [](void* data) -> gboolean {
            static_cast<shared*>(data)->idle = true;
            return G_SOURCE_REMOVE;
        });
        attach_to(g_timeout_source_new(1), [](void* data) -> gboolean {
            auto& shared_state = *static_cast<shared*>(data);
            if (++shared_state.ticks == 10) shared_state.done.set();
            return G_SOURCE_CONTINUE;
        });
        co_await to.done.wait();
        running.cancel();
        co_await bide::gather_results(running);
    }(context, state, add));
    g_main_context_unref(context);
    EXPECT_TRUE(state.idle);
    EXPECT_GE(state.ticks, 10);
}

}  // namespace
