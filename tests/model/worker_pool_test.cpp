// bide/model: the worker pool under threads that submit, withdraw, drop and shut down at the same time.
// bide-test: once
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <vector>

#include "os/worker_pool.hpp"
#include "support/gate.hpp"

namespace {

using bide::detail::worker_job;
using bide::detail::worker_pool;

// Whatever happens to a job happens once: it runs and finishes, or it is dropped, or its owner takes it back.
struct counted_job : worker_job {
    counted_job() : worker_job(table) {}

    std::atomic<int> runs{0};
    std::atomic<int> finishes{0};
    std::atomic<int> drops{0};
    bool accepted = false;
    bool withdrawn = false;
    bide_test::counter* ended = nullptr;

    [[nodiscard]] int ends() const { return finishes + drops + (withdrawn ? 1 : 0); }

    static void run(worker_job& job) noexcept { ++static_cast<counted_job&>(job).runs; }
    static void finish(worker_job& job) noexcept {
        auto& self = static_cast<counted_job&>(job);
        ++self.finishes;
        self.ended->add();
    }
    static void drop(worker_job& job, const std::exception_ptr&) noexcept {
        auto& self = static_cast<counted_job&>(job);
        ++self.drops;
        self.ended->add();
    }
    static constexpr bide::detail::worker_job_ops table{run, finish, drop};
};

std::uint32_t next_random(std::uint32_t& state) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state;
}

constexpr std::size_t clients = 3;
constexpr std::size_t jobs_each = 60;

class trial {
public:
    explicit trial(std::uint32_t seed) : seed_(seed), pool_(1 + seed % 3, "model") {
        for (auto& each : jobs_) each.ended = &ended_;
    }

    void run() {
        std::array<std::thread, clients> threads;
        for (std::size_t i = 0; i < clients; ++i) {
            threads[i] = std::thread([this, i] { client(i); });
        }
        for (std::thread& each : threads) each.join();
        pool_.shut_down();
        pool_.join();
        check();
    }

private:
    void client(std::size_t number) {
        std::uint32_t random = seed_ * 7919 + static_cast<std::uint32_t>(number) + 1;
        counted_job* const first = &jobs_[number * jobs_each];
        for (std::size_t i = 0; i < jobs_each; ++i) {
            counted_job& job = first[i];
            job.accepted = pool_.submit(job);
            const std::uint32_t what = next_random(random) % 64;
            if (what < 24) {
                counted_job& some = first[next_random(random) % (i + 1)];
                if (some.accepted && !some.withdrawn) some.withdrawn = pool_.withdraw(some);
            } else if (what < 26) {
                pool_.drop_queued();
            } else if (what == 26 && seed_ % 2 == 0) {
                pool_.shut_down();
            }
        }
    }

    void check() const {
        for (const counted_job& each : jobs_) {
            EXPECT_EQ(each.ends(), each.accepted ? 1 : 0) << "seed " << seed_;
            EXPECT_EQ(each.runs, each.finishes);
        }
        EXPECT_EQ(pool_.threads(), 0U);
    }

    std::uint32_t seed_;
    worker_pool pool_;
    bide_test::counter ended_;
    std::array<counted_job, clients * jobs_each> jobs_;
};

TEST(worker_pool_model, every_job_ends_once_whatever_is_done_at_the_same_time) {
    for (std::uint32_t seed = 1; seed <= 60; ++seed) trial(seed).run();
    EXPECT_EQ(worker_pool::parked_threads(), 0U);
}

struct link_job : worker_job {
    link_job() : worker_job(table) {}
    worker_pool* pool = nullptr;
    link_job* following = nullptr;
    bide_test::gate* last = nullptr;

    static void run(worker_job&) noexcept {}
    static void finish(worker_job& job) noexcept {
        auto& self = static_cast<link_job&>(job);
        if (self.following == nullptr) return self.last->open();
        self.pool->submit(*self.following);  // finds this thread idle
    }
    static void drop(worker_job&, const std::exception_ptr&) noexcept {}
    static constexpr bide::detail::worker_job_ops table{run, finish, drop};
};

TEST(worker_pool_model, a_chain_of_jobs_that_submit_each_other_ends) {
    bide_test::gate last;
    worker_pool pool(4, "chain");
    std::vector<link_job> chain(2000);
    for (std::size_t i = 0; i < chain.size(); ++i) {
        chain[i].pool = &pool;
        chain[i].last = &last;
        if (i + 1 < chain.size()) chain[i].following = &chain[i + 1];
    }
    pool.submit(chain[0]);
    last.wait();
    EXPECT_EQ(pool.threads(), 1U);
}

// One thread hands a job to the pool, another ends the pool: either the job is refused or it ends.
TEST(worker_pool_model, shutting_down_against_submitting_loses_no_job) {
    for (int round = 0; round < 300; ++round) {
        worker_pool pool(2, "race");
        bide_test::counter ended;
        counted_job a;
        counted_job b;
        a.ended = b.ended = &ended;
        std::thread submitter([&] {
            a.accepted = pool.submit(a);
            b.accepted = pool.submit(b);
        });
        pool.shut_down();
        submitter.join();
        pool.join();
        EXPECT_EQ(a.finishes, a.accepted ? 1 : 0);
        EXPECT_EQ(b.finishes, b.accepted ? 1 : 0);
    }
}

}  // namespace
