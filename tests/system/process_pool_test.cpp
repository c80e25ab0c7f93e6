// bide/tests: calls in worker processes: arguments, results, exceptions, order, limits.
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <variant>
#include <vector>

#include <sys/resource.h>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "system/children.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_pool;
using bide::process_pool_options;
using bide_test::childless;
using bide_test::has;
using bide_test::outcome;

namespace {

// --- what main() and static objects do in a worker ---

std::vector<int> made_by_initialiser{1, 2, 3};
std::string long_before_main = std::string(1000, 'x') + "y";
int size_of_globals() { return static_cast<int>(made_by_initialiser.size() + long_before_main.size()); }

bool main_has_begun = false;
[[maybe_unused]] const bool noted = [] { return true; }();
bool main_ran() { return main_has_begun; }
class note_main : public testing::Environment {
    void SetUp() override { main_has_begun = true; }
};
[[maybe_unused]] testing::Environment* const registered = testing::AddGlobalTestEnvironment(new note_main);

std::string variable(const std::string& name) {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? "(not set)" : value;
}
int end_of_input() { return static_cast<int>(std::fgetc(stdin)); }

// --- types ---

struct point {
    int x = 0;
    std::string name;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(x, name);
    }
    friend bool operator==(const point&, const point&) = default;
};

point moved(point p, const point& by) { return {p.x + by.x, p.name + by.name}; }
using everything = std::tuple<bool, char, std::int64_t, double, std::string, std::vector<std::string>,
                              std::map<int, point>, std::optional<int>, std::variant<int, std::string>,
                              std::array<short, 3>, std::chrono::nanoseconds, std::vector<bool>>;
everything same(everything all) { return all; }
std::size_t length(std::string_view text) { return text.size(); }
std::size_t length_of_c_string(const char* text) { return std::string(text).size(); }
unsigned sum(std::span<const std::byte> bytes) {
    unsigned all = 0;
    for (const std::byte each : bytes) all += static_cast<unsigned>(each);
    return all;
}
std::vector<std::byte> bytes_of(std::size_t size, int value) {
    return std::vector<std::byte>(size, static_cast<std::byte>(value));
}
std::vector<std::byte> reversed(std::vector<std::byte> bytes) { return {bytes.rbegin(), bytes.rend()}; }
std::unique_ptr<int> owned(std::unique_ptr<int> value) { return value; }
long mixed(short a, double b, bool c) noexcept { return a + static_cast<long>(b) + (c ? 1000 : 0); }
int overloaded(int) { return 1; }
int overloaded(const std::string&) { return 2; }
template <class T>
T larger(T a, T b) {
    return a < b ? b : a;
}
struct adder {
    int operator()(int a, int b) const { return a + b; }
};

}  // namespace

BIDE_TEST(process_pool, a_function_runs_in_another_process) {
    process_pool pool(1);
    const int number = co_await pool.submit<&square>(12);
    EXPECT_EQ(number, 144);
    const int pid = co_await pool.submit<&own_pid>();
    EXPECT_NE(pid, ::getpid());
    EXPECT_EQ(pool.pids(), std::vector<int>{pid});
}

BIDE_TEST(process_pool, a_worker_has_its_globals_but_does_not_run_main) {
    process_pool pool(1);
    const int size = co_await pool.submit<&size_of_globals>();
    EXPECT_EQ(size, 1004);
    const bool ran = co_await pool.submit<&main_ran>();
    EXPECT_FALSE(ran);
    EXPECT_TRUE(main_has_begun);
}

BIDE_TEST(process_pool, a_worker_has_the_environment_but_no_input) {
    ::setenv("BIDE_POOL_TEST", "value", 1);
    process_pool pool(1);
    const std::string own = co_await pool.submit<&variable>("BIDE_POOL_TEST");
    const std::string mark = co_await pool.submit<&variable>("BIDE_WORKER");
    const int input = co_await pool.submit<&end_of_input>();
    EXPECT_EQ(own, "value");
    EXPECT_EQ(mark, "(not set)");
    EXPECT_EQ(input, EOF);
}

BIDE_TEST(process_pool, values_of_many_types_cross) {
    process_pool pool(2);
    const everything all{true,
                         'x',
                         -5'000'000'000,
                         0.1,
                         std::string("with a zero\0 inside", 19),
                         {"a", "", std::string(5000, 'b')},
                         {{1, {2, "three"}}, {4, {5, "six"}}},
                         std::nullopt,
                         std::string("variant"),
                         {1, 2, 3},
                         7ns,
                         {true, false, true}};
    const everything back = co_await pool.submit<&same>(all);
    EXPECT_TRUE(back == all);
    const point from{1, "a"};
    const point by{2, "b"};
    const point to = co_await pool.submit<&moved>(from, by);
    EXPECT_TRUE(to == (point{3, "ab"}));
    const auto value = co_await pool.submit<&owned>(std::make_unique<int>(5));
    EXPECT_EQ(*value, 5);
}

BIDE_TEST(process_pool, arguments_are_converted_to_the_parameters_type) {
    process_pool pool(1);
    const long number = co_await pool.submit<&mixed>(1, 2, 1);
    EXPECT_EQ(number, 1003);
    const std::string text = co_await pool.submit<&twice>("ab");
    EXPECT_EQ(text, "abab");
    const std::size_t from_view = co_await pool.submit<&length>(std::string(1000, 'x'));
    const std::size_t from_literal = co_await pool.submit<&length>("four");
    const std::size_t c_string = co_await pool.submit<&length_of_c_string>("seven77");
    EXPECT_EQ(from_view, 1000U);
    EXPECT_EQ(from_literal, 4U);
    EXPECT_EQ(c_string, 7U);
}

BIDE_TEST(process_pool, overloads_templates_lambdas_and_functors) {
    process_pool pool(1);
    const int first = co_await pool.submit<static_cast<int (*)(int)>(&overloaded)>(0);
    const int second = co_await pool.submit<static_cast<int (*)(const std::string&)>(&overloaded)>("x");
    const std::string largest = co_await pool.submit<&larger<std::string>>("a", "b");
    const int added = co_await pool.submit<adder{}>(3, 4);
    const int by_lambda = co_await pool.submit<[](int x) { return x + 1; }>(1);
    EXPECT_EQ(first, 1);
    EXPECT_EQ(second, 2);
    EXPECT_EQ(largest, "b");
    EXPECT_EQ(added, 7);
    EXPECT_EQ(by_lambda, 2);
}

BIDE_TEST(process_pool, payloads_of_every_size_around_the_limits) {
    process_pool pool(1);
    for (const std::size_t size :
         {0, 1, 439, 440, 441, 447, 448, 449, 511, 512, 4095, 4096, 65536, 1 << 20}) {
        const std::string text = co_await pool.submit<&twice>(std::string(size, 'x'));
        EXPECT_EQ(text.size(), 2 * size);
        const std::vector<std::byte> got = co_await pool.submit<&bytes_of>(size, 7);
        const unsigned total = co_await pool.submit<&sum>(got);
        EXPECT_EQ(total, 7 * size);
    }
}

BIDE_TEST(process_pool, large_payloads) {
    process_pool pool(2);
    std::vector<std::byte> bytes(std::size_t{64} << 20);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 4096);
    const std::vector<std::byte> back = co_await pool.submit<&reversed>(bytes);
    std::reverse(bytes.begin(), bytes.end());
    EXPECT_TRUE(back == bytes);
    std::vector<bide::future<std::string>> calls;
    const std::string text(std::size_t{1} << 20, 'z');
    for (int i = 0; i < 32; ++i) calls.push_back(pool.submit<&twice>(text));
    for (const auto& each : calls) {
        const std::string got = co_await each;
        EXPECT_EQ(got.size(), 2 * text.size());
    }
}

BIDE_TEST(process_pool, what_does_not_fit_into_the_memory_waits_or_fails_alone) {
    process_pool pool(process_pool_options().workers(1).shared_memory(100'000));
    std::vector<bide::future<std::size_t>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(pool.submit<&length>(std::string(40'000, 'x')));
    for (const auto& each : calls) {
        const std::size_t size = co_await each;
        EXPECT_EQ(size, 40'000U);
    }
    const std::string too_large = co_await outcome(pool.submit<&length>(std::string(200'000, 'x')));
    EXPECT_TRUE(has(too_large, "length", "200008 bytes", "shared_memory"));
    const std::string too_much = co_await outcome(pool.submit<&bytes_of>(200'000, 1));
    EXPECT_TRUE(has(too_much, "200008 bytes", "shared_memory"));
    const int fine = co_await pool.submit<&square>(2);
    EXPECT_EQ(fine, 4);
}

BIDE_TEST(process_pool, calls_begin_in_the_order_in_which_they_were_submitted) {
    system_tests::scratch folder;
    const std::string file = folder / "lines";
    process_pool pool(1);
    std::vector<bide::future<void>> calls;
    std::string expected;
    for (int i = 0; i < 3000; ++i) {  // more than there are slots
        calls.push_back(pool.submit<&append_line>(file, i));
        expected += std::to_string(i) + "\n";
    }
    co_await bide::gather(std::move(calls));
    std::ifstream in(file);
    const std::string got{std::istreambuf_iterator<char>(in), {}};
    EXPECT_EQ(got, expected);
}

BIDE_TEST(process_pool, calls_run_side_by_side_up_to_the_limit) {
    system_tests::scratch folder;
    process_pool pool(3);
    std::vector<bide::future<int>> calls;
    for (int i = 0; i < 4; ++i)
        calls.push_back(pool.submit<&wait_for_file>(folder / std::to_string(i), folder / "end"));
    for (int i = 0; i < 3; ++i) co_await made(folder / std::to_string(i));
    EXPECT_EQ(pool.running_workers(), 3U);
    EXPECT_FALSE(std::filesystem::exists(folder / "3"));
    std::ofstream(folder / "end").put('x');
    std::set<int> pids;
    for (const auto& each : calls) {
        const int pid = co_await each;
        pids.insert(pid);
    }
    EXPECT_EQ(pids.size(), 3U);
}

BIDE_TEST(process_pool, an_idle_worker_is_used_before_another_one_is_started) {
    process_pool pool(4);
    std::set<int> pids;
    for (int i = 0; i < 50; ++i) {
        const int pid = co_await pool.submit<&own_pid>();
        pids.insert(pid);
    }
    EXPECT_EQ(pids.size(), 1U);
    EXPECT_EQ(pool.running_workers(), 1U);
}

BIDE_TEST(process_pool, ten_thousand_small_calls) {
    process_pool pool(2);
    std::vector<bide::future<int>> calls;
    for (int i = 0; i < 10'000; ++i) calls.push_back(pool.submit<&square>(i % 1000));
    EXPECT_EQ(pool.pending(), 10'000U);
    const std::vector<int> results = co_await bide::gather(std::move(calls));
    long wrong = 0;
    for (int i = 0; i < 10'000; ++i) wrong += results[static_cast<std::size_t>(i)] != (i % 1000) * (i % 1000);
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(pool.pending(), 0U);
}

// --- misuse and limits ---

TEST(process_pool, needs_a_running_loop) {
    EXPECT_TRUE(
        has(bide_test::thrown<bide::invalid_state_error>([] { return process_pool(1); }), "no event loop"));
}

BIDE_TEST(process_pool, a_number_of_workers_that_is_none) {
    EXPECT_TRUE(has(bide_test::thrown<std::invalid_argument>([] { return process_pool(0); }), "0 workers"));
    EXPECT_TRUE(
        has(bide_test::thrown<std::invalid_argument>([] { return process_pool(257); }), "257 workers"));
    process_pool by_default;
    EXPECT_GE(by_default.workers(), 1U);
    EXPECT_EQ(by_default.running_workers(), 0U);
    co_return;
}

BIDE_TEST(process_pool, more_shared_memory_than_there_is) {
    const auto of = [](std::size_t bytes) {
        return [bytes] { return process_pool(process_pool_options().workers(3).shared_memory(bytes)); };
    };
    for (const std::size_t bytes : {SIZE_MAX, SIZE_MAX - 8191, std::size_t{1} << 62, std::size_t{1} << 61}) {
        EXPECT_TRUE(has(bide_test::thrown<std::invalid_argument>(of(bytes)),
                        "process_pool_options::shared_memory(" + std::to_string(bytes) + ")", "3 workers"));
    }
    EXPECT_TRUE(has(bide_test::thrown<std::system_error>(of(std::size_t{1} << 60)),
                    "process_pool_options::shared_memory(" + std::to_string(std::size_t{1} << 60) + ")"));
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit tight{.rlim_cur = 1 << 20, .rlim_max = before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &tight);  // it is an error, not a signal
    const std::string too_large = bide_test::thrown<std::system_error>(of(std::size_t{1} << 30));
    ::setrlimit(RLIMIT_FSIZE, &before);
    EXPECT_TRUE(has(too_large, "process_pool_options::shared_memory(1073741824)", "File too large"));
    co_return;
}

BIDE_TEST(process_pool, at_the_limit_submit_throws) {
    process_pool pool(process_pool_options().workers(1).max_pending(2));
    auto a = pool.submit<&square>(1);
    auto b = pool.submit<&square>(2);
    const auto third = [&] { return pool.submit<&square>(3); };
    EXPECT_TRUE(has(bide_test::thrown<bide::queue_full>(third), "2 calls are pending"));
    co_await bide::gather(a, b);
    const int now = co_await pool.submit<&square>(3);
    EXPECT_EQ(now, 9);
}

BIDE_TEST(process_pool, a_pool_that_was_moved) {
    process_pool first(1);
    process_pool pool(std::move(first));
    EXPECT_TRUE(has(bide_test::thrown<bide::invalid_state_error>([&] { return first.submit<&square>(1); }),
                    "moved from"));
    const int number = co_await pool.submit<&square>(5);
    EXPECT_EQ(number, 25);
}

BIDE_TEST(process_pool, belongs_to_one_loop) {
    process_pool pool(1);
    const int first = co_await pool.submit<&square>(1);
    EXPECT_EQ(first, 1);
    auto elsewhere = [&pool] {
        const auto in_loop = [](process_pool& other) -> bide::coro<std::string> {
            process_pool& mine = other;
            co_return bide_test::thrown<bide::invalid_state_error>([&] { return mine.submit<&square>(1); });
        };
        return bide::run(in_loop(pool));
    };
    const std::string text = co_await bide::to_thread(elsewhere);
    EXPECT_TRUE(has(text, "another loop"));
}

namespace {

int squares_elsewhere(int number) {
    auto body = [](int x) -> bide::coro<int> {
        const int value = x;
        process_pool inner(1);
        const int got = co_await inner.submit<&square>(value);
        inner.close();
        co_await inner.join();
        co_return got;
    };
    return bide::run(body(number));
}

}  // namespace

BIDE_TEST(process_pool, a_worker_may_have_a_pool_of_its_own) {
    process_pool pool(1);
    const int number = co_await pool.submit<&squares_elsewhere>(6);
    EXPECT_EQ(number, 36);
}

BIDE_TEST(process_pool, the_most_workers_there_can_be) {
    process_pool pool(256);
    const int number = co_await pool.submit<&square>(6);
    EXPECT_EQ(number, 36);
    EXPECT_EQ(pool.workers(), 256U);
    EXPECT_EQ(pool.running_workers(), 1U);
}

BIDE_TEST(process_pool, close_lets_calls_end_and_join_waits_for_the_workers) {
    process_pool pool(2);
    EXPECT_TRUE(has(bide_test::thrown<bide::invalid_state_error>([&] { return pool.join(); }), "close()"));
    std::vector<bide::future<int>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(pool.submit<&square>(i));
    pool.close();
    EXPECT_TRUE(
        has(bide_test::thrown<bide::invalid_state_error>([&] { return pool.submit<&square>(1); }), "closed"));
    co_await pool.join();
    EXPECT_TRUE(childless());
    for (int i = 0; i < 100; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)].result(), i * i);
    co_await pool.join();
    pool.close();
}

BIDE_TEST(process_pool, a_pool_that_was_never_used_ends_at_once) {
    process_pool pool(4);
    pool.close();
    co_await pool.join();
    process_pool dropped(4);
}
