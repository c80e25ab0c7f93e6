// bide/tests: calls in worker processes that fail: what was thrown, what cannot be packed, who is called back.
#include <bide/process_pool.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <future>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <vector>

#include "support/async_test.hpp"
#include "support/expect.hpp"
#include "support/outcome.hpp"
#include "support/until.hpp"
#include "system/pool_functions.hpp"
#include "system/scratch.hpp"

using namespace std::chrono_literals;
using namespace pool_tests;

using bide::process_pool;
using bide_test::has;
using bide_test::outcome;
using bide_test::until;

namespace {

struct own_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};
void fail(int how) {
    switch (how) {
        case 0: throw std::runtime_error("r");
        case 1: throw std::invalid_argument("i");
        case 2: throw std::out_of_range("o");
        case 3: throw std::logic_error("l");
        case 4: throw std::bad_alloc();
        case 5: throw std::system_error(ENOENT, std::generic_category(), "open x");
        case 6: throw std::system_error(EACCES, std::system_category());
        case 7: throw own_error("own");
        case 8: throw 42;
        case 9: throw bide::timeout_error("slow");
        case 10: throw bide::cancelled_error("inner");
        case 11: throw std::system_error(std::make_error_code(std::future_errc::no_state), "f");
        default: break;
    }
}

struct fails_to_pack {
    int value = 0;
    template <class Archive>
    void save(Archive&) const {
        throw std::runtime_error("cannot be saved");
    }
    template <class Archive>
    void load(Archive&) {}
};
struct fails_to_unpack {
    int value = 0;
    template <class Archive>
    void save(Archive& archive) const {
        archive(value);
    }
    template <class Archive>
    void load(Archive&) {
        throw std::domain_error("cannot be loaded");
    }
};
struct other_size_each_time {
    template <class Archive>
    void save(Archive& archive) const {
        static int count = 0;
        ++count;
        for (int i = 0; i < count; ++i) archive(i);
    }
    template <class Archive>
    void load(Archive&) {}
};
void take_unpackable(const fails_to_pack&) {}
void take_unreadable(const fails_to_unpack&) {}
void take_changing(const other_size_each_time&) {}
fails_to_pack give_unpackable() { return {}; }
fails_to_unpack give_unreadable() { return {}; }

template <class E, class A>
bide::coro<std::string> text_of(A what) {
    std::string text = "nothing was thrown";
    try {
        co_await std::move(what);
    } catch (const E& error) {
        text = typeid(error) == typeid(E) ? error.what() : "a derived type";
    } catch (...) { text = "another type: " + bide::describe_exception(std::current_exception()); }
    co_return text;
}

}  // namespace

BIDE_TEST(process_pool_errors, exceptions_of_the_standard_library_come_back_as_themselves) {
    process_pool pool(1);
    std::string text = co_await text_of<std::runtime_error>(pool.submit<&fail>(0));
    EXPECT_EQ(text, "r");
    text = co_await text_of<std::invalid_argument>(pool.submit<&fail>(1));
    EXPECT_EQ(text, "i");
    text = co_await text_of<std::out_of_range>(pool.submit<&fail>(2));
    EXPECT_EQ(text, "o");
    text = co_await text_of<std::logic_error>(pool.submit<&fail>(3));
    EXPECT_EQ(text, "l");
    text = co_await text_of<std::bad_alloc>(pool.submit<&fail>(4));
    EXPECT_EQ(text, std::bad_alloc().what());
    text = co_await text_of<bide::timeout_error>(pool.submit<&fail>(9));
    EXPECT_EQ(text, "slow");
}

BIDE_TEST(process_pool_errors, a_system_error_keeps_its_code) {
    process_pool pool(1);
    for (const int how : {5, 6}) {
        std::error_code code;
        std::string text;
        try {
            co_await pool.submit<&fail>(how);
        } catch (const std::system_error& error) {
            code = error.code();
            text = error.what();
        }
        try {
            fail(how);
        } catch (const std::system_error& error) {
            EXPECT_TRUE(code == error.code()) << code << " and " << error.code();
            EXPECT_EQ(text, error.what());
        }
    }
}

BIDE_TEST(process_pool_errors, other_exceptions_come_back_with_type_and_text) {
    process_pool pool(1);
    std::string type;
    std::string text;
    for (const int how : {7, 8, 10, 11}) {
        try {
            co_await pool.submit<&fail>(how);
        } catch (const bide::remote_error& error) {
            type += error.type_name() + ";";
            text += error.what() + std::string(";");
        }
    }
    EXPECT_EQ(type, "(anonymous namespace)::own_error;int;bide::cancelled_error;std::system_error;");
    EXPECT_TRUE(has(text, "own;an exception of type int;inner;f: "));
    const int fine = co_await pool.submit<&square>(3);
    EXPECT_EQ(fine, 9);
}

BIDE_TEST(process_pool_errors, arguments_that_cannot_be_packed_fail_their_call_only) {
    process_pool pool(1);
    auto before = pool.submit<&square>(2);
    auto bad = pool.submit<&take_unpackable>(fails_to_pack());
    auto after = pool.submit<&square>(3);
    const std::string text = co_await outcome(bad);
    EXPECT_TRUE(has(text, "arguments of", "take_unpackable", "cannot be packed", "cannot be saved"));
    auto [a, b] = co_await bide::gather(before, after);
    EXPECT_EQ(a + b, 13);
    const std::string changing = co_await outcome(pool.submit<&take_changing>(other_size_each_time()));
    EXPECT_TRUE(has(changing, "not give the same bytes twice"));
    const int still = co_await pool.submit<&square>(4);
    EXPECT_EQ(still, 16);
    EXPECT_EQ(pool.pending(), 0U);
}

BIDE_TEST(process_pool_errors, what_fails_on_the_way_fails_its_call_only) {
    process_pool pool(1);
    const std::string unread =
        co_await text_of<std::domain_error>(pool.submit<&take_unreadable>(fails_to_unpack()));
    EXPECT_EQ(unread, "cannot be loaded");
    const std::string unsaved = co_await text_of<std::runtime_error>(pool.submit<&give_unpackable>());
    EXPECT_EQ(unsaved, "cannot be saved");
    const std::string unread_here = co_await text_of<std::domain_error>(pool.submit<&give_unreadable>());
    EXPECT_EQ(unread_here, "cannot be loaded");
    const int fine = co_await pool.submit<&square>(3);
    EXPECT_EQ(fine, 9);
}

BIDE_TEST(process_pool_errors, an_exception_with_a_long_text) {
    process_pool pool(1);
    const std::string long_text(100'000, 'e');
    const std::string text = co_await text_of<std::runtime_error>(pool.submit<&fail_with>(long_text));
    EXPECT_EQ(text, long_text);
}

BIDE_TEST_WITH(process_pool_errors, a_failure_that_nobody_looks_at_is_reported,
               bide::testing::test_options().allow_reports()) {
    bide_test::report_log log(bide::get_running_loop());
    process_pool pool(1);
    static_cast<void>(pool.submit<&fail_with>("unseen"));
    const int last = co_await pool.submit<&square>(1);
    EXPECT_EQ(last, 1);
    EXPECT_TRUE(has(log.text(), "never retrieved", "unseen"));
}

void fail_at_length(std::size_t size) {
    std::string text = "x";  // a character of two bytes begins at each odd place
    while (text.size() < size) text += "\u00e9";
    throw std::invalid_argument(text);
}

BIDE_TEST(process_pool_errors, a_text_that_no_memory_is_left_for_is_cut) {
    process_pool pool(bide::process_pool_options().workers(1).shared_memory(8000));
    auto call = pool.submit<&fail_at_length>(std::size_t{100'000});
    co_await bide::gather_results(call);
    const std::string text = bide_test::thrown<std::invalid_argument>([&] { return call.result(), 0; });
    EXPECT_TRUE(has(text, "x\u00e9\u00e9\u00e9", "\u00e9..."));
    EXPECT_GT(text.size(), 300U);
    EXPECT_LT(text.size(), 450U);
    EXPECT_EQ((text.size() - 4) % 2, 0U);  // no half of a character
    auto next = pool.submit<&fail_at_length>(std::size_t{2000});
    co_await bide::gather_results(next);
    const std::string whole = bide_test::thrown<std::invalid_argument>([&] { return next.result(), 0; });
    EXPECT_EQ(whole.size(), 2001U);
}

// --- callbacks ---

BIDE_TEST_WITH(process_pool_errors, apply_async_calls_back_in_the_loop, bide_test::in_order()) {
    process_pool pool(1);
    std::vector<std::string> seen;
    const auto result = [&seen](int value) { seen.push_back(std::to_string(value)); };
    const auto failure = [&seen](const std::exception_ptr& error) {
        seen.push_back(bide::describe_exception(error));
    };
    const auto done = [&seen] { seen.emplace_back("void"); };
    auto a = pool.apply_async<&square>(result, failure, 3);
    auto b = pool.apply_async<&fail_with>(done, failure, "bad");
    auto c = pool.apply_async<&fail>(done, nullptr, 99);
    EXPECT_TRUE(seen.empty());
    EXPECT_FALSE(a.ready());
    EXPECT_THROW(static_cast<void>(a.successful()), bide::invalid_state_error);
    co_await bide::gather_results(a.get(), b.get(), c.get());
    co_await bide::sleep(0s);
    EXPECT_EQ(seen, (std::vector<std::string>{"9", "bad", "void"}));
    EXPECT_TRUE(a.ready());
    EXPECT_TRUE(a.successful());
    EXPECT_FALSE(b.successful());
    pool.apply_async<&square>(nullptr, nullptr, 1);
    co_await until([&] { return pool.pending() == 0; });
}

// Locals of one coroutine, which is how callbacks are written; its cancellation destroys them.
namespace {
struct counts_and_dies {
    explicit counts_and_dies(bool& is_alive) : alive(is_alive) { alive = true; }
    counts_and_dies(const counts_and_dies&) = delete;
    counts_and_dies& operator=(const counts_and_dies&) = delete;
    ~counts_and_dies() { alive = false; }
    bool& alive;
};
}  // namespace

BIDE_TEST(process_pool_errors, no_callback_runs_once_the_pool_is_destroyed) {
    bool alive = false;
    bool late = false;
    system_tests::scratch folder;
    const auto user = [&](std::string sign, bool to_the_end) -> bide::coro<void> {
        const std::string runs = std::move(sign);
        process_pool pool(1);
        counts_and_dies local(alive);
        const auto result = [&](int) { late |= !alive; };
        const auto ended = [&] { late |= !alive; };
        const auto failure = [&](const std::exception_ptr&) { late |= !alive; };
        auto first = pool.apply_async<&square>(result, failure, 3);
        while (!first.ready()) co_await bide::sleep(0s);  // its callback is on its way
        if (to_the_end) co_return;
        pool.apply_async<&block>(ended, failure, runs);
        for (int i = 0; i < 2000; ++i) pool.apply_async<&square>(result, failure, i);
        co_await made(runs);
        co_await bide::sleep(1h);
    };
    auto cancelled = bide::create_task(user(folder / "runs", false));
    co_await made(folder / "runs");
    cancelled.cancel();
    co_await outcome(cancelled);
    co_await user(folder / "none", true);
    for (int turn = 0; turn < 10; ++turn) co_await bide::sleep(0s);
    EXPECT_FALSE(alive);
    EXPECT_FALSE(late);
}

BIDE_TEST_WITH(process_pool_errors, callbacks_have_run_when_join_returns, bide_test::in_order()) {
    for (const bool terminated : {false, true}) {
        system_tests::scratch folder;
        process_pool pool(2);
        int results = 0;
        int failures = 0;
        const auto result = [&](auto...) { ++results; };
        const auto failure = [&](const std::exception_ptr&) { ++failures; };
        for (int i = 0; i < 20; ++i) pool.apply_async<&square>(result, failure, i);
        if (terminated) {
            pool.apply_async<&block>(result, failure, folder / "runs");
            co_await made(folder / "runs");
            pool.terminate();
        }
        pool.close();
        co_await pool.join();
        EXPECT_EQ(results + failures, terminated ? 21 : 20);
        EXPECT_EQ(failures >= 1, terminated);
    }
}

BIDE_TEST(process_pool_errors, a_cancelled_call_calls_nobody_back) {
    system_tests::scratch folder;
    process_pool pool(1);
    int calls = 0;
    auto call = pool.apply_async<&block>([&] { ++calls; }, [&](const std::exception_ptr&) { ++calls; },
                                         folder / "runs");
    co_await made(folder / "runs");
    EXPECT_TRUE(call.get().cancel());
    co_await bide::sleep(0s);
    co_await bide::sleep(0s);
    EXPECT_EQ(calls, 0);
}
