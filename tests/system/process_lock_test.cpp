// bide/tests: process_lock.
// bide-test: no-shuffle
#include <bide/process_event.hpp>
#include <bide/process_lock.hpp>
#include <bide/process_semaphore.hpp>
#include <bide/shared_memory.hpp>

#include <csignal>

#include <fcntl.h>
#include <sched.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "system/ipc_support.hpp"

namespace {

using namespace ipc_tests;
using bide::process_lock;

bide::coro<void> note_under(process_lock& mutex, std::vector<int>& order, int number) {
    auto held = co_await mutex.scoped();
    order.push_back(number);
}

BIDE_TEST(process_lock, excludes_the_other_handle_of_the_same_name) {
    const named<process_lock> my("lock");
    process_lock one(my.name);
    process_lock other(my.name);
    EXPECT_EQ(one.name(), my.name);
    co_await one.acquire();
    EXPECT_TRUE(one.locked());
    EXPECT_TRUE(other.locked());
    EXPECT_THROW(other.release(), bide::invalid_state_error);
    bool got = false;
    auto waiting = bide::create_task([&]() -> bide::coro<void> {
        auto held = co_await other.scoped();
        got = true;
    });
    co_await bide::sleep(20ms);
    EXPECT_FALSE(got);
    one.release();
    co_await waiting;
    EXPECT_TRUE(got);
    EXPECT_FALSE(one.locked());
}

BIDE_TEST(process_lock, tasks_of_one_handle_are_served_in_order) {
    process_lock mutex;
    std::vector<int> order;
    co_await mutex.acquire();
    auto first = bide::create_task(note_under(mutex, order, 1));
    auto second = bide::create_task(note_under(mutex, order, 2));
    co_await bide::sleep(0ms);
    mutex.release();
    EXPECT_TRUE(mutex.locked());
    co_await mutex.acquire();  // behind both
    order.push_back(3);
    mutex.release();
    EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
    co_await first;
    co_await second;
}

BIDE_TEST(process_lock, handles_take_turns) {
    const named<process_lock> my("turns");
    process_lock one(my.name);
    process_lock other(my.name);
    std::vector<int> order;
    co_await one.acquire();
    std::vector<bide::task<void>> tasks;
    for (int i = 0; i < 2; ++i) {
        tasks.push_back(bide::create_task(note_under(one, order, 1)));
        tasks.push_back(bide::create_task(note_under(other, order, 2)));
        co_await bide::sleep(0ms);
    }
    one.release();
    for (auto& each : tasks) co_await each;
    EXPECT_EQ(order, (std::vector<int>{1, 2, 1, 2}));
}

BIDE_TEST(process_lock, release_says_who_holds_it) {
    const named<process_lock> my("who");
    process_lock one(my.name);
    process_lock other(my.name);
    EXPECT_TRUE(bide_test::has(bide_test::thrown<bide::invalid_state_error>([&] {
                                   one.release();
                                   return 0;
                               }),
                               my.name, "nobody holds it"));
    co_await one.acquire();
    EXPECT_TRUE(bide_test::has(bide_test::thrown<bide::invalid_state_error>([&] {
                                   other.release();
                                   return 0;
                               }),
                               "one of process " + std::to_string(::getpid())));
    one.release();
}

// [append]
bide::coro<void> append(bide::process_lock& lock, std::string path, std::string line) {
    auto held = co_await lock.scoped();  // one process at a time
    auto file = co_await bide::open(path, "a");
    co_await file.write(line + "\n");
    co_await file.close();
}
// [/append]

// [recover]
bide::coro<void> append_or_repair(bide::process_lock& lock, std::string path, std::string line) {
    bool broken = false;
    try {
        co_await append(lock, path, line);
    } catch (const bide::owner_died_error&) { broken = true; }
    if (!broken) co_return;
    if (co_await lock.recover()) co_await bide::write_file(path, "");  // start again
    lock.release();
    co_await append(lock, path, line);
}
// [/recover]

BIDE_TEST(process_lock, what_it_protects_can_be_put_right) {
    const bide_test::temp_folder folder;
    const std::string path = folder.file("log");
    process_lock mutex;
    co_await append_or_repair(mutex, path, "one");
    {
        process_lock careless = process_lock::adopt(::dup(mutex.fileno()));
        co_await careless.acquire();
        co_await bide::write_file(path, "half a li");
    }
    co_await append_or_repair(mutex, path, "two");
    const std::string text = co_await bide::read_file(path);
    EXPECT_EQ(text, "two\n");
}

BIDE_TEST(process_lock, timeout_leaves_the_row) {
    const named<process_lock> my("timeout");
    process_lock one(my.name);
    process_lock other(my.name);
    co_await one.acquire();
    const auto attempt = [&]() -> bide::coro<void> { co_await other.acquire(); };
    const std::string how = co_await bide_test::outcome(bide::with_timeout(30ms, attempt));
    EXPECT_EQ(how, "timeout");
    one.release();
    EXPECT_FALSE(one.locked());
    co_await other.acquire();
    other.release();
}

BIDE_TEST(process_lock, waiter_cancelled_after_it_was_granted_passes_it_on) {
    process_lock mutex;
    std::vector<int> order;
    co_await mutex.acquire();
    auto first = bide::create_task(note_under(mutex, order, 1));
    auto second = bide::create_task(note_under(mutex, order, 2));
    co_await bide::sleep(0ms);
    mutex.release();  // now it is the first one's
    first.cancel();
    const std::string how = co_await bide_test::outcome(first);
    EXPECT_EQ(how, "cancelled");
    co_await second;
    EXPECT_EQ(order, std::vector<int>{2});
    EXPECT_FALSE(mutex.locked());
}

BIDE_TEST(process_lock, handle_that_goes_while_it_holds_the_lock_abandons_it) {
    const named<process_lock> my("gone");
    process_lock one(my.name);
    {
        process_lock other(my.name);
        co_await other.acquire();
    }
    int pid = 0;
    try {
        co_await one.acquire();
    } catch (const bide::owner_died_error& died) {
        pid = died.pid();
        EXPECT_TRUE(bide_test::has(died.what(), my.name, "has ended", "recover()"));
    }
    EXPECT_EQ(pid, ::getpid());
    EXPECT_FALSE(one.locked());
    const std::string again = co_await bide_test::outcome(one.scoped());
    EXPECT_NE(again, "value");  // until somebody recovers it
    const bool abandoned = co_await one.recover();
    EXPECT_TRUE(abandoned);
    one.release();
    const bool normal = co_await one.recover();
    EXPECT_FALSE(normal);
    one.release();
    co_await one.acquire();
    one.release();
}

TEST(process_lock, errors_name_the_lock) {
    const named<process_lock> my("errors");
    using bide_test::has;
    using bide_test::thrown;
    EXPECT_TRUE(has(thrown<std::system_error>([&] { return process_lock::open(my.name); }), my.name));
    const process_lock made = process_lock::create(my.name);
    EXPECT_TRUE(
        has(thrown<std::system_error>([&] { return process_lock::create(my.name); }), my.name, "exists"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return process_lock("a/b"); }), "a/b", "no '/'"));
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return process_lock(""); }), "empty"));
    bide::shared_memory other = bide::shared_memory::anonymous(100000);
    EXPECT_TRUE(has(thrown<std::invalid_argument>([&] { return process_lock::adopt(other.fileno()); }),
                    "none of bide's"));
    EXPECT_EQ(other.data()[0], std::byte{0});  // the descriptor stayed open
    EXPECT_EQ(::fcntl(other.fileno(), F_GETFD), FD_CLOEXEC);
}

TEST(process_lock, more_handles_than_there_is_room_for_are_refused) {
    const named<process_lock> my("many");
    std::vector<std::unique_ptr<process_lock>> handles;
    for (int i = 0; i < 64; ++i) handles.push_back(std::make_unique<process_lock>(my.name));
    EXPECT_THROW(process_lock one_more(my.name), bide::invalid_state_error);
    handles.pop_back();
    process_lock one_more(my.name);
}

TEST(process_lock, cancel_sweep_leaves_it_free_and_never_held_twice) {
    const named<process_lock> my("sweep");
    const process_lock watcher(my.name);
    int inside = 0;
    const auto work = [&](process_lock& mutex) -> bide::coro<void> {
        process_lock& it = mutex;
        for (int i = 0; i < 3; ++i) {
            auto held = co_await it.scoped();
            EXPECT_EQ(++inside, 1);
            const bide::detail::scope_guard leave([&]() noexcept { --inside; });
            co_await bide::sleep(0ms);
        }
    };
    const auto body = [&]() -> bide::coro<void> {
        process_lock one(my.name);
        process_lock other(my.name);
        co_await against([&]() -> bide::coro<void> { co_await work(one); },
                         [&]() -> bide::coro<void> {
                             auto second = bide::create_task(work(other));
                             co_await work(one);
                             co_await second;
                         });
    };
    const auto runs = bide::testing::cancel_everywhere(
        body,
        [&](std::uint64_t) {
            EXPECT_FALSE(watcher.locked());
            EXPECT_EQ(inside, 0);
        },
        real_time());
    EXPECT_GT(runs, 8U);
}

// --- several processes ---

constexpr const char* count_variable = "BIDE_TEST_COUNT";

// What those who count have in common. The children are programs of their own, which get its name.
struct counting {
    explicit counting(const std::string& name)
        : lock(name), start(name), ready(std::string(name), 4), memory(open_memory(name)) {}
    // The first one makes it.
    static bide::shared_memory open_memory(const std::string& name) {
        if (std::getenv(count_variable) != nullptr) return bide::shared_memory::open(name);
        return bide::shared_memory::create(name, sizeof(long));
    }
    process_lock lock;
    bide::process_event start;
    bide::process_semaphore ready;
    bide::shared_memory memory;

    [[nodiscard]] volatile long& value() {
        return *reinterpret_cast<volatile long*>(memory.data().data());  // zero at first
    }
};

TEST(child, counts) {
    const char* const name = std::getenv(count_variable);
    if (name == nullptr) return;
    counting shared{std::string(name)};
    const auto count = [&]() -> bide::coro<void> {
        counting& all = shared;
        for (int i = 0; i < 100; ++i) {
            auto held = co_await all.lock.scoped();
            const long before = all.value();
            if (i % 10 == 0) co_await bide::sleep(0ms);
            all.value() = before + 1;
        }
    };
    const auto count_twice = [&]() -> bide::coro<void> {
        counting& all = shared;
        co_await all.ready.acquire();
        co_await all.start.wait();
        auto second = bide::create_task(count);
        co_await count();
        co_await second;
    };
    bide::run(count_twice());
}

TEST(process_lock, four_processes_count_without_losing_one) {
    const named<process_lock> lock("count");
    const bide::detail::scope_guard clean([&]() noexcept {
        bide::process_event::unlink(lock.name);
        bide::process_semaphore::unlink(lock.name);
        bide::shared_memory::unlink(lock.name);
    });
    counting shared(lock.name);
    ::setenv(count_variable, lock.name.c_str(), 1);
    std::vector<child> children;
    for (int i = 0; i < 4; ++i) children.emplace_back("child.counts");
    ::unsetenv(count_variable);
    while (shared.ready.value() != 0) {
        ::sched_yield();
        for (child& each : children) ASSERT_FALSE(each.has_ended()) << "with " << each.status();
    }
    shared.start.set();
    for (child& each : children) EXPECT_EQ(each.status(), 0);
    EXPECT_EQ(shared.value(), 800);
}

TEST(process_lock, child_of_a_fork_has_a_handle_of_its_own) {
    process_lock mutex;
    bide::run([&]() -> bide::coro<void> { co_await mutex.acquire(); }());
    child forked([&] {
        int code = 1;
        try {
            mutex.release();
        } catch (const bide::invalid_state_error&) { code = 0; }
        return code;
    });
    EXPECT_EQ(forked.status(), 0);
    EXPECT_TRUE(mutex.locked());
    mutex.release();
    child other([&] { return run_here([&]() -> bide::coro<void> { auto held = co_await mutex.scoped(); }); });
    EXPECT_EQ(other.status(), 0);
    EXPECT_FALSE(mutex.locked());
}

TEST(process_lock, child_of_a_fork_does_not_inherit_those_who_wait) {
    process_lock mutex;
    int code = -1;
    bide::testing::run_test(
        [&]() -> bide::coro<void> {
            co_await mutex.acquire();
            auto waiting =
                bide::create_task([&]() -> bide::coro<void> { auto held = co_await mutex.scoped(); });
            co_await bide::sleep(0ms);
            child forked(
                [&] { return run_here([&]() -> bide::coro<void> { auto held = co_await mutex.scoped(); }); });
            co_await bide::sleep(10ms);
            mutex.release();
            co_await waiting;
            co_await until_ended(forked);
            code = forked.status();
        },
        real_time());
    EXPECT_EQ(code, 0);
}

// A program of its own, which has the lock by its descriptor: this program once more, with a role.
TEST(child, plays_its_role) {
    const char* const fd = std::getenv("BIDE_TEST_LOCK");
    if (fd == nullptr) return;
    const auto play = [&]() -> bide::coro<void> {
        process_lock mutex = process_lock::adopt(std::atoi(fd));
        co_await mutex.acquire();
        ::kill(::getpid(), SIGKILL);
    };
    bide::run(play());
}

BIDE_TEST_WITH(process_lock, child_program_gets_it_as_a_descriptor, real_time()) {
    // [adopt]
    bide::process_lock mutex;
    auto options = bide::subprocess_options().pass_fd(mutex.fileno(), 5).set_env("BIDE_TEST_LOCK", "5");
    auto program = co_await bide::create_subprocess_exec("/proc/self/exe", "--gtest_filter=child.*", options);
    // there: auto mutex = bide::process_lock::adopt(5);
    // [/adopt]
    const int code = co_await program.wait();
    EXPECT_EQ(code, -SIGKILL);
    const std::string how = co_await bide_test::outcome(mutex.acquire());
    EXPECT_TRUE(bide_test::has(how, "anonymous", "process " + std::to_string(program.pid())));
    EXPECT_TRUE(co_await mutex.recover());
    mutex.release();
}

}  // namespace
