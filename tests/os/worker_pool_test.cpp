// bide/os: tests of the one pool of worker threads.
// bide-test: once
#include "support/expect.hpp"
#include "support/gate.hpp"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <set>
#include <thread>
#include <vector>

#include "os/worker_pool.hpp"

namespace {

using bide::detail::worker_job;
using bide::detail::worker_pool;
using bide_test::counter;
using bide_test::gate;

// A job that calls functions; the test owns it.
struct test_job : worker_job {
    explicit test_job(std::function<void()> f = {}) : worker_job(table), on_run(std::move(f)) {}

    std::function<void()> on_run;
    std::function<void()> on_finish;
    gate finished;
    bool dropped = false;
    std::exception_ptr why;

    static void run(worker_job& job) noexcept {
        auto& self = static_cast<test_job&>(job);
        if (self.on_run) self.on_run();
    }
    static void finish(worker_job& job) noexcept {
        auto& self = static_cast<test_job&>(job);
        if (self.on_finish) self.on_finish();
        self.finished.open();
    }
    static void drop(worker_job& job, const std::exception_ptr& reason) noexcept {
        auto& self = static_cast<test_job&>(job);
        self.dropped = true;
        self.why = reason;
        self.finished.open();
    }
    static constexpr bide::detail::worker_job_ops table{run, finish, drop};
};

TEST(worker_pool, runs_jobs_in_the_order_of_their_submission) {
    worker_pool pool(1, "order");
    std::vector<int> order;
    std::vector<std::unique_ptr<test_job>> jobs;
    for (int i = 0; i < 100; ++i)
        jobs.push_back(std::make_unique<test_job>([&order, i] { order.push_back(i); }));
    for (auto& each : jobs) EXPECT_TRUE(pool.submit(*each));
    jobs.back()->finished.wait();
    ASSERT_EQ(order.size(), 100U);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(worker_pool, starts_no_thread_before_the_first_job) {
    worker_pool pool(4, "none");
    EXPECT_EQ(pool.threads(), 0U);
    EXPECT_EQ(pool.max_threads(), 4U);
}

TEST(worker_pool, one_job_after_the_other_needs_one_thread) {
    worker_pool pool(8, "one");
    for (int i = 0; i < 200; ++i) {
        test_job job;
        ASSERT_TRUE(pool.submit(job));
        job.finished.wait();
    }
    EXPECT_EQ(pool.threads(), 1U);
}

TEST(worker_pool, jobs_that_wait_for_each_other_get_a_thread_each_up_to_the_limit) {
    worker_pool pool(3, "limit");
    counter inside;
    gate leave;
    std::vector<std::unique_ptr<test_job>> jobs;
    for (int i = 0; i < 5; ++i) {
        jobs.push_back(std::make_unique<test_job>([&] {
            inside.add();
            leave.wait();
        }));
        ASSERT_TRUE(pool.submit(*jobs.back()));
    }
    inside.wait_for(3);
    EXPECT_EQ(pool.threads(), 3U);
    EXPECT_EQ(inside.value(), 3U);
    EXPECT_EQ(pool.idle_threads(), 0U);
    leave.open();
    for (auto& each : jobs) each->finished.wait();
    EXPECT_EQ(inside.value(), 5U);
}

// Each round finds them parked, and one of them is told.
TEST(worker_pool, jobs_that_wait_for_each_other_wake_as_many_threads_as_they_need) {
    constexpr int count = 4;
    worker_pool pool(count, "wake");
    for (int round = 0; round < 200; ++round) {
        counter arrived;
        std::vector<std::unique_ptr<test_job>> jobs;
        for (int i = 0; i < count; ++i) {
            jobs.push_back(std::make_unique<test_job>([&] {
                arrived.add();
                arrived.wait_for(count);
            }));
        }
        for (auto& each : jobs) ASSERT_TRUE(pool.submit(*each));
        for (auto& each : jobs) each->finished.wait();
    }
    EXPECT_EQ(pool.threads(), 4U);
}

TEST(worker_pool, withdraws_only_what_has_not_started) {
    worker_pool pool(1, "take");
    gate started;
    gate leave;
    test_job first([&] {
        started.open();
        leave.wait();
    });
    bool ran = false;
    test_job second([&] { ran = true; });
    test_job third;
    pool.submit(first);
    pool.submit(second);
    pool.submit(third);
    started.wait();
    EXPECT_FALSE(pool.withdraw(first));
    EXPECT_TRUE(pool.withdraw(second));
    EXPECT_FALSE(pool.withdraw(second));
    leave.open();
    third.finished.wait();
    EXPECT_FALSE(pool.withdraw(third));
    EXPECT_FALSE(ran);
}

TEST(worker_pool, drops_what_has_not_started) {
    worker_pool pool(1, "drop");
    gate started;
    gate leave;
    test_job first([&] {
        started.open();
        leave.wait();
    });
    test_job second;
    test_job third;
    pool.submit(first);
    pool.submit(second);
    pool.submit(third);
    started.wait();
    pool.drop_queued();
    EXPECT_TRUE(second.dropped);
    EXPECT_TRUE(third.dropped);
    EXPECT_EQ(second.why, nullptr);
    leave.open();
    first.finished.wait();
    EXPECT_FALSE(first.dropped);
}

TEST(worker_pool, after_shut_down_it_refuses_jobs_and_runs_those_it_has) {
    worker_pool pool(1, "shut");
    gate leave;
    int ran = 0;
    test_job first([&] {
        leave.wait();
        ++ran;
    });
    test_job second([&] { ++ran; });
    test_job late;
    pool.submit(first);
    pool.submit(second);
    EXPECT_FALSE(pool.is_shut_down());
    pool.shut_down();
    EXPECT_TRUE(pool.is_shut_down());
    EXPECT_FALSE(pool.submit(late));
    leave.open();
    pool.join();
    EXPECT_EQ(ran, 2);
    EXPECT_EQ(pool.threads(), 0U);
}

TEST(worker_pool, says_when_its_last_thread_has_ended) {
    worker_pool pool(2, "end");
    gate leave;
    gate ended;
    test_job job([&] { leave.wait(); });
    pool.submit(job);
    pool.shut_down();
    pool.when_ended([&] { ended.open(); });
    EXPECT_FALSE(ended.is_open());
    leave.open();
    ended.wait();
    pool.join();
    bool at_once = false;
    pool.when_ended([&] { at_once = true; });
    EXPECT_TRUE(at_once);
}

TEST(worker_pool, several_threads_may_join) {
    worker_pool pool(2, "joins");
    gate leave;
    test_job job([&] { leave.wait(); });
    pool.submit(job);
    pool.shut_down();
    std::thread other([&] {
        pool.join();
        EXPECT_EQ(pool.threads(), 0U);
    });
    leave.open();
    pool.join();
    EXPECT_EQ(pool.threads(), 0U);
    other.join();
}

TEST(worker_pool, the_initializer_runs_in_each_thread_before_its_first_job) {
    static thread_local int marks = 0;
    std::atomic<int> initialized{0};
    worker_pool pool(2, "init", [&] {
        ++marks;
        ++initialized;
    });
    counter inside;
    gate leave;
    const auto body = [&] {
        EXPECT_EQ(marks, 1);
        inside.add();
        leave.wait();
    };
    test_job a(body);
    test_job b(body);
    pool.submit(a);
    pool.submit(b);
    inside.wait_for(2);
    leave.open();
    a.finished.wait();
    b.finished.wait();
    test_job c([&] { EXPECT_EQ(marks, 1); });
    pool.submit(c);
    c.finished.wait();
    EXPECT_EQ(initialized, 2);
}

TEST(worker_pool, an_initializer_that_throws_breaks_it) {
    gate submitted;
    worker_pool pool(1, "broken", [&] {
        submitted.wait();
        throw std::runtime_error("no licence");
    });
    test_job first;
    test_job second;
    pool.submit(first);
    pool.submit(second);
    submitted.open();
    first.finished.wait();
    second.finished.wait();
    EXPECT_TRUE(first.dropped);
    EXPECT_TRUE(second.dropped);
    const std::string why = bide_test::thrown<bide::broken_thread_pool>([&] {
        std::rethrow_exception(second.why);
        return 0;
    });
    EXPECT_TRUE(bide_test::has(why, "initializer", "no licence"));
    test_job late;
    EXPECT_FALSE(pool.submit(late));
    EXPECT_NE(pool.failure(), nullptr);
}

TEST(worker_pool, abandoned_threads_end_by_themselves) {
    gate leave;
    gate ran;
    gate ended;
    test_job job([&] { leave.wait(); });
    test_job queued([&] { ran.open(); });
    {
        worker_pool pool(1, "gone");
        pool.submit(job);
        pool.submit(queued);
        pool.when_ended([&] { ended.open(); });
        pool.abandon();
        EXPECT_FALSE(ran.is_open());
        leave.open();
        ended.wait();
    }
    EXPECT_TRUE(ran.is_open());
}

TEST(worker_pool, threads_are_named_and_a_long_prefix_keeps_the_number) {
    std::string name;
    const auto read_name = [&] {
        char text[32] = {};
        ::pthread_getname_np(::pthread_self(), text, sizeof text);
        name = text;
    };
    for (const auto& [prefix, expected] :
         {std::pair("web", "web_0"), std::pair("a-very-long-prefix", "a-very-long-p_0")}) {
        worker_pool pool(1, prefix);
        test_job job(read_name);
        pool.submit(job);
        job.finished.wait();
        EXPECT_EQ(name, expected);
    }
}

TEST(worker_pool, workers_take_no_signals) {
    worker_pool pool(1, "signals");
    sigset_t blocked;
    test_job job([&] { ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked); });
    pool.submit(job);
    job.finished.wait();
    EXPECT_EQ(::sigismember(&blocked, SIGTERM), 1);
    sigset_t here;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &here);
    EXPECT_EQ(::sigismember(&here, SIGTERM), 0);
}

TEST(worker_pool, knows_its_own_threads) {
    worker_pool pool(1, "own");
    worker_pool other(1, "other");
    bool own = false;
    bool foreign = true;
    test_job job([&] {
        own = pool.on_worker();
        foreign = other.on_worker();
    });
    pool.submit(job);
    job.finished.wait();
    EXPECT_TRUE(own);
    EXPECT_FALSE(foreign);
    EXPECT_FALSE(pool.on_worker());
}

TEST(worker_pool, a_job_may_drop_the_last_handle_of_its_pool) {
    auto pool = std::make_shared<worker_pool>(2, "last");
    gate go;
    gate ended;
    pool->when_ended([] {});  // at once: no thread was started yet
    test_job job([&] {
        go.wait();
        pool.reset();
    });
    pool->submit(job);
    pool->when_ended([&] { ended.open(); });
    go.open();
    job.finished.wait();
    ended.wait();
    EXPECT_EQ(pool, nullptr);
}

// What decides whether a loop may be stuck: a thread is parked only while nothing it has been given is left to do.
TEST(worker_pool, a_thread_is_parked_from_before_its_job_is_known_to_have_ended) {
    const std::size_t before = worker_pool::parked_threads();
    worker_pool pool(1, "parked");
    gate leave;
    std::size_t at_finish = 0;
    test_job job([&] { leave.wait(); });
    job.on_finish = [&] { at_finish = worker_pool::parked_threads(); };
    pool.submit(job);
    EXPECT_EQ(worker_pool::parked_threads(), before);
    leave.open();
    job.finished.wait();
    EXPECT_EQ(at_finish, before + 1);
    for (int i = 0; i < 100; ++i) {
        test_job again;
        gate inside;
        again.on_run = [&] { inside.wait(); };
        pool.submit(again);
        EXPECT_EQ(worker_pool::parked_threads(), before);  // also before the thread has noticed
        inside.open();
        again.finished.wait();
    }
    pool.shut_down();
    pool.join();
    EXPECT_EQ(worker_pool::parked_threads(), before);
}

TEST(worker_pool, in_the_child_of_a_fork_it_is_broken_and_waits_for_nobody) {
    auto pool = std::make_unique<worker_pool>(1, "forked");
    test_job job;
    pool->submit(job);
    job.finished.wait();
    const pid_t child = ::fork();
    if (child == 0) {
        test_job late;
        const bool refused =
            !pool->submit(late) && pool->failure() != nullptr && worker_pool::parked_threads() == 0;
        pool->shut_down();
        pool->join();
        pool.reset();
        ::_exit(refused ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

}  // namespace
