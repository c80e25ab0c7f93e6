// bide/tests: a worker process of a pool is killed at every step of what it does to shared memory, and so is its owner.
// bide-test: no-shuffle
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"
#include "system/children.hpp"
#include "system/ipc_support.hpp"
#include "system/pool_functions.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_pool;
using bide::process_pool_options;
using bide_test::childless;
using bide_test::has;
using bide_test::outcome;
using bide_test::until;

namespace {

constexpr const char* at_step =
    "BIDE_POOL_TEST_STEP";             // of the worker that is started next: "die 17", "stop 17"
constexpr std::size_t room = 1 << 20;  // for blocks, in each region

// In a worker, before it begins.
const bool told = [] {
    const char* const text = std::getenv(at_step);
    if (std::getenv("BIDE_WORKER") == nullptr || text == nullptr) return false;
    const std::string_view order(text);
    bide::detail::ipc_dies_at = std::strtoull(order.substr(order.find(' ')).data(), nullptr, 10);
    if (order.starts_with("stop")) bide::detail::ipc_death = []() noexcept { ::raise(SIGSTOP); };
    return true;
}();

class worker_order {
public:
    worker_order(const char* what, int step) {
        ::setenv(at_step, (std::string(what) + " " + std::to_string(step)).c_str(), 1);
    }
    worker_order(const worker_order&) = delete;
    worker_order& operator=(const worker_order&) = delete;
    ~worker_order() { ::unsetenv(at_step); }
};

std::string of_size(std::size_t size) { return std::string(size, 'x'); }
std::string fails_at_length(const std::string& text) { throw std::runtime_error(text); }

// Of its own: a block that is dropped, and one that is the result.
bide::shared_bytes makes_blocks(std::size_t size) {
    const bide::shared_bytes dropped(2 * size);
    bide::shared_bytes result(size);
    return result;
}
std::size_t takes_block(const bide::shared_bytes& block) {
    const bide::shared_bytes copy = block;
    return copy.size();
}
std::vector<bide::shared_bytes> gives_block_back(bide::shared_bytes block) { return {block, block}; }

// A call of each kind, with what its result must look like.
struct calls {
    calls(process_pool& pool, const bide::shared_bytes& block)
        : small(pool.submit<&twice>(std::string(10, 'a'))),
          large(pool.submit<&twice>(std::string(5000, 'b'))),
          fails(pool.submit<&fails_at_length>(std::string(3000, 'c'))),
          makes(pool.submit<&makes_blocks>(std::size_t{2000})),
          takes(pool.submit<&takes_block>(block)),
          gives(pool.submit<&gives_block_back>(block)) {}

    void cancel() const {
        small.cancel();
        large.cancel();
        fails.cancel();
        makes.cancel();
        takes.cancel();
        gives.cancel();
    }
    // All that did not come to an end of its own ended as `bad` says.
    bide::coro<void> expect(const char* bad) const {
        const std::string wanted = bad;
        const auto good = [&](const std::string& how) { return how == "value" || has(how, wanted); };
        const std::string first = co_await outcome(small);
        EXPECT_TRUE(good(first)) << first;
        if (first == "value") { EXPECT_EQ(small.result(), std::string(20, 'a')); }
        const std::string second = co_await outcome(large);
        EXPECT_TRUE(good(second)) << second;
        if (second == "value") { EXPECT_EQ(large.result(), std::string(10'000, 'b')); }
        const std::string third = co_await outcome(fails);
        EXPECT_TRUE(third == std::string(3000, 'c') || has(third, wanted)) << third;
        const std::string fourth = co_await outcome(makes);
        EXPECT_TRUE(good(fourth)) << fourth;
        if (fourth == "value") { EXPECT_EQ(makes.result().size(), 2000U); }
        const std::string fifth = co_await outcome(takes);
        EXPECT_TRUE(good(fifth)) << fifth;
        const std::string sixth = co_await outcome(gives);
        EXPECT_TRUE(good(sixth)) << sixth;
        if (sixth == "value") { EXPECT_EQ(gives.result().size(), 2U); }
    }

    bide::future<std::string> small;
    bide::future<std::string> large;
    bide::future<std::string> fails;
    bide::future<bide::shared_bytes> makes;
    bide::future<std::size_t> takes;
    bide::future<std::vector<bide::shared_bytes>> gives;
};

// After close().
bool is_broken(process_pool& pool) {
    try {
        static_cast<void>(pool.submit<&square>(1));
    } catch (const bide::broken_process_pool&) { return true; } catch (const bide::invalid_state_error&) {
    }
    return false;
}

// Gives whether the worker died.
bide::coro<bool> dies_at(int step) {
    std::optional<worker_order> order(std::in_place, "die", step);
    process_pool pool(process_pool_options().workers(1).shared_memory(room));
    const bide::shared_bytes block = pool.allocate(3000);
    const calls some(pool, block);
    order.reset();
    const calls more(pool, block);
    co_await some.expect("a worker process was killed by signal 9");
    co_await more.expect("a worker process was killed by signal 9");
    pool.close();
    co_await pool.join();
    EXPECT_EQ(pool.pending(), 0U);
    EXPECT_TRUE(childless());
    process_pool next(1);
    const int number = co_await next.submit<&square>(3);
    EXPECT_EQ(number, 9);
    co_return is_broken(pool);
}

// All memory of both regions can be had: nothing is lost, and nothing was given back twice.
bide::coro<void> expect_all_memory(process_pool& pool) {
    process_pool& its = pool;
    const int number = co_await its.submit<&square>(5);  // with it come the calls that were taken back
    EXPECT_EQ(number, 25);
    try {
        const bide::shared_bytes all = its.allocate(room - 1000);
    } catch (const std::length_error& error) { ADD_FAILURE() << error.what(); }
    const std::string large = co_await outcome(its.submit<&of_size>(room - 1000));
    EXPECT_EQ(large, "value");
}

// The worker stops; all calls are cancelled, and the one that runs kills it, or has gone too far for that. Gives whether
// it stopped.
bide::coro<bool> killed_for_its_call_at(int step) {
    std::optional<worker_order> order(std::in_place, "stop", step);
    process_pool pool(process_pool_options().workers(1).shared_memory(room).kill_on_cancel());
    bool stopped = false;
    bool over = false;
    std::optional<calls> all(std::in_place, pool, pool.allocate(8000));
    order.reset();
    const int pid = pool.pids().front();
    auto watch = [&]() -> bide::coro<void> {
        co_await until([&] { return over || bide_test::state_of(pid) == 'T'; });
        if (over) co_return;
        stopped = true;
        if (all) all->cancel();
        ::kill(pid, SIGCONT);
    };
    auto watcher = bide::create_task(watch);
    co_await all->expect("cancelled");
    all.reset();  // it has a block
    co_await expect_all_memory(pool);
    pool.close();
    co_await pool.join();
    over = true;
    co_await watcher;
    EXPECT_FALSE(is_broken(pool));
    EXPECT_TRUE(childless());
    co_return stopped;
}

// Until the worker comes to no such step, also when it happened to sleep less often this time. Gives how many there are.
template <class F>
int sweep(F at) {
    int missed = 0;
    int step = 1;
    for (; step < 1000 && missed < 10; ++step) {
        SCOPED_TRACE("step " + std::to_string(step));
        bool came = false;
        bide::testing::run_test([&]() -> bide::coro<void> { came = co_await at(step); },
                                bide::testing::test_options().real_time());
        missed = came ? 0 : missed + 1;
        if (testing::Test::HasFailure()) break;
    }
    return step - missed;
}

}  // namespace

TEST(process_pool_death, a_worker_killed_at_every_step_fails_its_calls_or_has_ended_them) {
    const int steps = sweep(dies_at);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 50); }
    EXPECT_LT(steps, 900);
    EXPECT_FALSE(told);
}

TEST(process_pool_death, a_worker_killed_for_its_call_at_every_step_leaves_all_memory_to_the_next_one) {
    const int steps = sweep(killed_for_its_call_at);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 50); }
    EXPECT_LT(steps, 900);
}

TEST(process_pool_death, workers_end_when_their_owner_is_killed_at_any_step) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    const auto owner = [] {
        return ipc_tests::run_here([]() -> bide::coro<void> {
            process_pool pool(process_pool_options().workers(2).shared_memory(room));
            const bide::shared_bytes block = pool.allocate(3000);
            const calls all(pool, block);
            auto withdrawn = pool.submit<&square>(1);
            withdrawn.cancel();
            co_await all.expect("nothing");
            co_await outcome(withdrawn);
            pool.close();
            co_await pool.join();
        });
    };
    const auto orphans_end = [](ipc_tests::child& prey) {
        prey.status();
        while (::waitpid(-1, nullptr, 0) > 0) {}
    };
    const int steps = ipc_tests::kill_everywhere(owner, orphans_end);
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (BIDE_CHECKED != 0) { EXPECT_GT(steps, 50); }
    EXPECT_LT(steps, 490);
}
