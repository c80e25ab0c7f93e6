// bide/tests: workers that die, pools that are ended, dropped or closed with their loop; nothing hangs, nothing is left.
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <sys/wait.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"
#include "system/children.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_pool;
using bide::process_pool_options;
using bide_test::childless;
using bide_test::exists;
using bide_test::has;
using bide_test::outcome;
using bide_test::thrown;
using bide_test::until;
using system_tests::scratch;

namespace {

// Ends the process before main would begin, where the test asks for it.
const bool dies_at_start = [] {
    const char* const how = std::getenv("BIDE_POOL_TEST_DIE");
    if (std::getenv("BIDE_WORKER") == nullptr || how == nullptr) return false;
    if (std::string_view(how) == "exit") ::_exit(9);
    return ::raise(std::atoi(how)) == 0;
}();

class environment_variable {
public:
    environment_variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    environment_variable(const environment_variable&) = delete;
    environment_variable& operator=(const environment_variable&) = delete;
    ~environment_variable() { ::unsetenv(name_); }

private:
    const char* name_;
};

struct dies_when_unpacked {
    int where = 0;  // the process that may live
    template <class Archive>
    void save(Archive& archive) const {
        archive(static_cast<int>(::getpid()));
    }
    template <class Archive>
    void load(Archive& archive) {
        archive(where);
        if (where != ::getpid()) ::raise(SIGKILL);
    }
};
int take(const dies_when_unpacked&) { return 1; }

struct dies_when_packed {
    std::size_t before = 0;
    template <class Archive>
    void save(Archive& archive) const {
        static int passes = 0;
        archive(before);
        archive(std::string(before, 'x'));
        if (++passes == 2) ::raise(SIGKILL);  // the first one counts, the second one writes
    }
    template <class Archive>
    void load(Archive&) {}
};
dies_when_packed give(std::size_t before) { return {before}; }

std::size_t size_of(const bide::shared_bytes& block) { return block.size(); }
void fail_to_begin(const std::string& text) { throw std::runtime_error(text); }
void set_variable(const std::string& value) { ::setenv("BIDE_POOL_INITIALIZED", value.c_str(), 1); }
std::string variable() {
    const char* const value = std::getenv("BIDE_POOL_INITIALIZED");
    return value == nullptr ? "(not set)" : value;
}

// Every kind of call fails, at once and later, and the pool ends.
bide::coro<void> expect_broken(process_pool& its, std::string reason) {
    process_pool& pool = its;
    const auto again = [&] { return pool.submit<&square>(1); };
    EXPECT_TRUE(has(thrown<bide::broken_process_pool>(again), reason));
    EXPECT_TRUE(has(thrown<bide::broken_executor>(again), reason));
    co_await pool.join();
    EXPECT_EQ(pool.pending(), 0U);
    EXPECT_TRUE(childless());
}

}  // namespace

// --- death ---

BIDE_TEST(process_pool_end, killed_in_a_call_every_call_fails) {
    scratch folder;
    process_pool pool(2);
    auto other = pool.submit<&block>(folder / "runs");
    co_await made(folder / "runs");
    auto deadly = pool.submit<&die>(SIGKILL);
    std::vector<bide::future<int>> queued;
    for (int i = 0; i < 2000; ++i) queued.push_back(pool.submit<&square>(i));
    const std::string first = co_await outcome(deadly);
    EXPECT_TRUE(has(first, "a worker process was killed by signal 9 (SIGKILL) while it ran", "die"));
    const std::string running = co_await outcome(other);
    EXPECT_EQ(running, first);
    int failed = 0;
    for (const auto& each : queued) failed += co_await outcome(each) == first;
    EXPECT_GT(failed, 1000);  // the other worker had no time for them
    co_await expect_broken(pool, "SIGKILL");
}

BIDE_TEST(process_pool_end, each_way_to_die_is_named) {
    for (const int signal : {SIGSEGV, SIGTERM, SIGABRT}) {
        process_pool pool(1);
        const std::string text = co_await outcome(pool.submit<&die>(signal));
        EXPECT_TRUE(has(text, "killed by signal " + std::to_string(signal)) || has(text, "exit code"))
            << text;  // a sanitizer ends with a code of its own
        co_await expect_broken(pool, "a worker process");
    }
    for (const int code : {0, 3}) {
        process_pool pool(1);
        const std::string text = co_await outcome(pool.submit<&exit_with>(code));
        EXPECT_TRUE(has(text, "ended with exit code " + std::to_string(code), "while it ran", "exit_with"));
        co_await expect_broken(pool, "exit code");
    }
}

BIDE_TEST(process_pool_end, killed_while_idle) {
    process_pool pool(2);
    const int pid = co_await pool.submit<&own_pid>();
    ::kill(pid, SIGKILL);
    co_await until([&] { return pool.running_workers() == 0; });
    co_await expect_broken(pool, "signal 9");
}

BIDE_TEST(process_pool_end, killed_before_it_was_ready) {
    for (const char* how : {"9", "exit"}) {
        const environment_variable set("BIDE_POOL_TEST_DIE", how);
        process_pool pool(2);
        const std::string text = co_await outcome(pool.submit<&square>(1));
        EXPECT_TRUE(has(text, how[0] == '9' ? "killed by signal 9" : "exit code 9", "before it was ready"));
        co_await expect_broken(pool, "before it was ready");
    }
    EXPECT_FALSE(dies_at_start);
}

BIDE_TEST(process_pool_end, killed_while_it_reads_the_arguments) {
    process_pool pool(1);
    const std::string text = co_await outcome(pool.submit<&take>(dies_when_unpacked()));
    EXPECT_TRUE(has(text, "signal 9", "take"));
    co_await expect_broken(pool, "signal 9");
}

BIDE_TEST(process_pool_end, killed_while_it_writes_the_result) {
    for (const std::size_t size : {10, 100'000}) {
        process_pool pool(1);
        const std::string text = co_await outcome(pool.submit<&give>(size));
        EXPECT_TRUE(has(text, "signal 9", "give"));
        co_await expect_broken(pool, "signal 9");
    }
}

BIDE_TEST(process_pool_end, killed_in_its_initializer) {
    process_pool pool(process_pool_options().workers(2).initializer<&die>(SIGKILL));
    const std::string text = co_await outcome(pool.submit<&square>(1));
    EXPECT_TRUE(has(text, "signal 9", "while it ran the pool's initializer"));
    co_await expect_broken(pool, "signal 9");
}

// With many calls on their way, after more and more turns of the loop. Every point of the worker: process_pool_death_test.
TEST(process_pool_end, killed_while_many_calls_are_on_their_way) {
    for (int turns = 0; turns < 60; ++turns) {
        bide::testing::run_test([turns]() -> bide::coro<void> {
            const int when = turns;
            process_pool pool(2);
            std::vector<bide::future<std::string>> calls;
            for (int i = 0; i < 300; ++i)
                calls.push_back(pool.submit<&twice>(std::string(static_cast<std::size_t>(i) * 7, 'x')));
            for (int i = 0; i < when * 5; ++i) co_await bide::sleep(0s);
            const std::vector<int> pids = pool.pids();
            if (!pids.empty()) ::kill(pids[static_cast<std::size_t>(when) % pids.size()], SIGKILL);
            int good = 0;
            int bad = 0;
            for (const auto& each : calls) {
                const std::string how = co_await outcome(each);
                if (how == "value") {
                    ++good;
                } else {
                    ++bad;
                    EXPECT_TRUE(has(how, "signal 9"));
                }
            }
            EXPECT_EQ(good + bad, 300);
            co_await until([&] { return pool.running_workers() == 0; });
            co_await expect_broken(pool, "signal 9");
        });
    }
}

// --- initializer ---

BIDE_TEST(process_pool_end, the_initializer_runs_in_each_worker_before_its_calls) {
    process_pool pool(
        process_pool_options().workers(1).initializer<&set_variable>("ready").max_tasks_per_child(2));
    for (int i = 0; i < 5; ++i) {
        const std::string value = co_await pool.submit<&variable>();
        EXPECT_EQ(value, "ready");
    }
}

BIDE_TEST(process_pool_end, an_initializer_that_throws_breaks_the_pool) {
    process_pool pool(process_pool_options().workers(2).initializer<&fail_to_begin>("no licence"));
    auto a = pool.submit<&square>(1);
    auto b = pool.submit<&square>(2);
    const std::string first = co_await outcome(a);
    const std::string second = co_await outcome(b);
    EXPECT_TRUE(has(first, "the initializer of a worker threw no licence"));
    EXPECT_EQ(second, first);
    co_await expect_broken(pool, "no licence");
}

// --- max_tasks_per_child ---

BIDE_TEST(process_pool_end, a_worker_is_replaced_after_so_many_calls) {
    process_pool pool(process_pool_options().workers(1).max_tasks_per_child(3));
    std::vector<bide::future<int>> calls;
    for (int i = 0; i < 10; ++i) calls.push_back(pool.submit<&own_pid>());
    const std::vector<int> pids = co_await bide::gather(std::move(calls));
    const std::set<int> different(pids.begin(), pids.end());
    EXPECT_EQ(different.size(), 4U);
    for (const int each : different) EXPECT_LE(std::count(pids.begin(), pids.end(), each), 3);
    pool.close();
    co_await pool.join();
    EXPECT_TRUE(childless());
}

BIDE_TEST(process_pool_end, replaced_workers_of_several_do_all_calls) {
    process_pool pool(process_pool_options().workers(3).max_tasks_per_child(1));
    std::vector<bide::future<std::string>> calls;
    for (int i = 0; i < 40; ++i) calls.push_back(pool.submit<&twice>(std::string(2000, 'x')));
    for (const auto& each : calls) {
        const std::string text = co_await each;
        EXPECT_EQ(text.size(), 4000U);
    }
}

// --- the end of the pool ---

BIDE_TEST(process_pool_end, terminate_and_kill_end_it_now) {
    for (const bool kill : {false, true}) {
        scratch folder;
        process_pool pool(2);
        auto running = pool.submit<&block>(folder / "runs");
        std::vector<bide::future<int>> queued;
        co_await made(folder / "runs");
        auto second = pool.submit<&block>(folder / "second");
        for (int i = 0; i < 2000; ++i) queued.push_back(pool.submit<&square>(i));
        kill ? pool.kill() : pool.terminate();
        const char* const reason = kill ? "the pool was killed" : "the pool was terminated";
        const std::string first = co_await outcome(running);
        EXPECT_TRUE(has(first, reason));
        for (const auto& each : queued) EXPECT_TRUE(each.done());
        co_await expect_broken(pool, reason);
        pool.terminate();
        pool.close();
        co_await bide::gather_results(std::move(queued));
        co_await outcome(second);
    }
}

BIDE_TEST(process_pool_end, dropping_it_kills_and_reaps_its_workers) {
    scratch folder;
    auto pool = std::make_unique<process_pool>(2);
    auto call = pool->submit<&block>(folder / "runs");
    co_await made(folder / "runs");
    const std::vector<int> pids = pool->pids();
    pool.reset();
    const std::string text = co_await outcome(call);
    EXPECT_TRUE(has(text, "the pool was destroyed"));
    for (const int each : pids) co_await until([each] { return !exists(each); });
    EXPECT_TRUE(childless());
}

BIDE_TEST(process_pool_end, join_may_be_cancelled_and_the_pool_dropped_meanwhile) {
    scratch folder;
    auto pool = std::make_unique<process_pool>(1);
    auto call = pool->submit<&block>(folder / "runs");
    co_await made(folder / "runs");
    pool->close();
    auto first = bide::create_task(pool->join());
    auto second = bide::create_task(pool->join());
    co_await bide::sleep(0s);
    first.cancel();
    const std::string cancelled = co_await outcome(first);
    EXPECT_EQ(cancelled, "cancelled");
    EXPECT_FALSE(second.done());
    pool.reset();
    co_await second;
    EXPECT_TRUE(childless());
    co_await outcome(call);
}

TEST(process_pool_end, closing_the_loop_kills_the_workers) {
    std::vector<int> pids;
    std::unique_ptr<process_pool> kept;
    bide::future<int> late;
    auto body = [&]() -> bide::coro<void> {
        scratch folder;
        kept = std::make_unique<process_pool>(2);
        late = kept->submit<&wait_for_file>(folder / "runs", folder / "never");
        co_await made(folder / "runs");
        pids = kept->pids();
    };
    bide::run(body());
    EXPECT_EQ(pids.size(), 1U);
    for (const int each : pids) EXPECT_FALSE(exists(each));
    EXPECT_TRUE(childless());
    EXPECT_FALSE(late.done());
    auto later = [](process_pool& pool) -> bide::coro<void> {
        process_pool& dead = pool;
        EXPECT_THROW(static_cast<void>(dead.submit<&square>(1)), bide::invalid_state_error);
        co_await dead.join();
    };
    bide::run(later(*kept));
    kept->close();
    kept->kill();
    kept.reset();
}

TEST(process_pool_end, a_task_that_waits_for_a_call_when_the_program_ends) {
    auto body = []() -> bide::coro<void> {
        scratch folder;
        auto waits = [](std::string file) -> bide::coro<void> {
            const std::string sign = file;
            process_pool pool(1);
            co_await pool.submit<&block>(sign);
        };
        auto task = bide::create_task(waits(folder / "runs"));
        co_await made(folder / "runs");
    };
    bide::testing::run_test(body, bide::testing::test_options().allow_tasks());
    EXPECT_TRUE(childless());
}

TEST(process_pool_end, a_loop_that_stops_while_calls_are_pending) {
    bide::event_loop loop;
    loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
    auto body = []() -> bide::coro<void> {
        scratch folder;
        process_pool pool(2);
        auto calls = std::vector<bide::future<void>>();
        for (int i = 0; i < 2000; ++i) calls.push_back(pool.submit<&block>(folder / "runs"));
        co_await made(folder / "runs");
        bide::get_running_loop().stop();
        co_await calls.back();
    };
    static_cast<void>(bide::create_task(loop, body()));
    loop.run_forever();
    loop.close();
    EXPECT_TRUE(childless());
}

// A copy of the loop's memory must not end what belongs to the parent.
BIDE_TEST(process_pool_end, a_forked_child_ends_nothing) {
    auto pool = std::make_unique<process_pool>(1);
    const int pid = co_await pool->submit<&own_pid>();
    const int forked = ::fork();
    if (forked == 0) {
        pool.reset();
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(forked, &status, 0), forked);
    EXPECT_EQ(status, 0);
    const int again = co_await pool->submit<&own_pid>();
    EXPECT_EQ(again, pid);
}

// ... nor take its calls back, nor kill those that run.
BIDE_TEST(process_pool_end, a_forked_child_takes_back_no_calls) {
    scratch folder;
    auto pool = std::make_unique<process_pool>(process_pool_options().workers(1).kill_on_cancel());
    auto running = pool->submit<&wait_for_file>(folder / "runs", folder / "end");
    co_await made(folder / "runs");
    auto ready = pool->submit<&square>(3);
    const bide::shared_bytes block = pool->allocate(100);
    auto with_block = pool->submit<&size_of>(block);
    auto map =
        std::make_unique<bide::detail::process_map<int>>(pool->map<&square>(std::vector<int>{1, 2, 3}));
    const int forked = ::fork();
    if (forked == 0) {
        const bool refused =
            has(thrown<bide::invalid_state_error>([&] { return pool->submit<&square>(1); }), "forked") &&
            has(thrown<bide::invalid_state_error>([&] { return pool->allocate(1); }), "forked");
        map.reset();
        running.cancel();
        ready.cancel();
        with_block.cancel();
        pool->close();
        pool->kill();
        pool.reset();
        ::_exit(refused ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(forked, &status, 0), forked);
    EXPECT_EQ(status, 0);
    std::ofstream(folder / "end").put('x');
    const std::string first = co_await outcome(running);
    EXPECT_EQ(first, "value");
    const int nine = co_await ready;
    EXPECT_EQ(nine, 9);
    const std::size_t size = co_await with_block;
    EXPECT_EQ(size, 100U);
    const std::vector<int> squares = co_await map->to_vector();
    EXPECT_EQ(squares, (std::vector<int>{1, 4, 9}));
}

// The worker is a grandchild of this process: its parent is killed while it is in a call.
TEST(process_pool_end, workers_die_with_their_parent) {
    scratch folder;
    const int parent = ::fork();
    if (parent == 0) {
        bide::run([](std::string sign) -> bide::coro<void> {
            const std::string file = sign;
            process_pool pool(1);
            auto call = pool.submit<&block>(file);
            co_await made(file);
            std::ofstream(file + ".pid") << pool.pids().front() << std::endl;
            co_await call;
        }(folder / "runs"));
        ::_exit(0);
    }
    int worker = 0;
    while (worker == 0) {
        std::ifstream(folder / "runs.pid") >> worker;
        ::usleep(1000);
    }
    EXPECT_TRUE(exists(worker));
    ::kill(parent, SIGKILL);
    ::waitpid(parent, nullptr, 0);
    // Whoever inherits orphans reaps it in its own time.
    while (exists(worker) && bide_test::state_of(worker) != 'Z') ::usleep(1000);
}
