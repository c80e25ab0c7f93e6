// bide/base: every exception says what it is, keeps what it carries, and is caught by whom it should be.
#include <bide/error.hpp>

#include <gtest/gtest.h>

#include <new>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using namespace bide;

template <class E>
std::exception_ptr make(E error) {
    return std::make_exception_ptr(std::move(error));
}

// Whether `catch (const std::exception&)` takes it.
template <class E>
bool is_ordinary(E error) {
    try {
        throw error;
    } catch (const std::exception&) { return true; } catch (...) {
        return false;
    }
}

struct not_an_exception {};

TEST(error, the_signals_are_no_std_exception) {
    EXPECT_FALSE(is_ordinary(cancelled_error()));
    EXPECT_FALSE(is_ordinary(keyboard_interrupt()));
    EXPECT_FALSE(is_ordinary(system_exit(1)));
    EXPECT_FALSE(is_ordinary(generator_exit()));
    EXPECT_TRUE(is_ordinary(timeout_error()));
    EXPECT_TRUE(is_ordinary(invalid_state_error("x")));
    EXPECT_TRUE(is_ordinary(exception_group("x", {})));
    EXPECT_TRUE(is_ordinary(deadlock_error("x")));
    EXPECT_TRUE(is_ordinary(queue_full()));
}

TEST(error, reads_like_this) {
    std::string said;
    const auto log = [&](const char* text) { said += text; };
    bool left_early = false;
    const auto step = [&](bool cancelled) {
        if (cancelled) throw cancelled_error();
        throw std::runtime_error("no route");
    };
    const auto work = [&](bool cancelled) {
        // [let_through]
        try {
            step(cancelled);
        } catch (const std::exception& error) {
            log(error.what());  // failures only: a cancellation is none
        } catch (...) {
            left_early = true;
            throw;  // a cancellation goes on its way
        }
        // [/let_through]
    };
    work(false);
    EXPECT_EQ(said, "no route");
    EXPECT_THROW(work(true), cancelled_error);
    EXPECT_TRUE(left_early);
}

TEST(error, the_signals_have_one_base) {
    static_assert(std::is_base_of_v<base_exception, cancelled_error>);
    static_assert(std::is_base_of_v<base_exception, keyboard_interrupt>);
    static_assert(std::is_base_of_v<base_exception, system_exit>);
    static_assert(std::is_base_of_v<base_exception, generator_exit>);
    static_assert(!std::is_constructible_v<base_exception>);
}

TEST(error, cancelled_error_carries_the_message) {
    EXPECT_STREQ(cancelled_error().what(), "cancelled");
    EXPECT_EQ(cancelled_error().message(), "");
    EXPECT_STREQ(cancelled_error("shutting down").what(), "shutting down");
    EXPECT_EQ(cancelled_error("shutting down").message(), "shutting down");
}

TEST(error, system_exit_carries_the_code) {
    EXPECT_EQ(system_exit().code(), 0);
    EXPECT_EQ(system_exit(3).code(), 3);
}

TEST(error, timeout_error_is_an_error_of_the_system) {
    try {
        throw timeout_error("connecting took more than 2 s");
    } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::timed_out);
        EXPECT_STREQ(e.what(), "connecting took more than 2 s");
    }
    EXPECT_STREQ(timeout_error().what(), "the time ran out");
    const timeout_error copy = timeout_error("copied");
    EXPECT_STREQ(timeout_error(copy).what(), "copied");
}

TEST(error, incomplete_read_error_carries_what_came) {
    const incomplete_read_error exact("abc", 10);
    EXPECT_EQ(exact.partial(), "abc");
    EXPECT_EQ(exact.expected(), 10U);
    EXPECT_STREQ(exact.what(), "3 bytes read before the end of the stream, 10 expected");
    const incomplete_read_error separated("abc", std::nullopt);
    EXPECT_FALSE(separated.expected().has_value());
    EXPECT_STREQ(separated.what(), "3 bytes read before the end of the stream, no separator among them");
}

TEST(error, limit_overrun_error_says_how_much_can_be_dropped) {
    const limit_overrun_error error("no newline within 65536 bytes", 65530);
    EXPECT_EQ(error.consumed(), 65530U);
    EXPECT_STREQ(error.what(), "no newline within 65536 bytes");
}

TEST(error, the_rest_have_texts) {
    EXPECT_STREQ(keyboard_interrupt().what(), "interrupted from the keyboard");
    EXPECT_STREQ(system_exit().what(), "exit requested");
    EXPECT_STREQ(generator_exit().what(), "generator closed");
    EXPECT_STREQ(queue_full().what(), "the queue is full");
    EXPECT_STREQ(queue_empty().what(), "the queue is empty");
    EXPECT_STREQ(queue_shut_down().what(), "the queue was shut down");
    EXPECT_STREQ(broken_barrier_error().what(), "the barrier is broken");
    EXPECT_STREQ(stop_iteration().what(), "the generator has ended");
    EXPECT_STREQ(stop_async_iteration().what(), "the async generator has ended");
    EXPECT_STREQ(broken_thread_pool("a").what(), "a");
    static_assert(std::is_base_of_v<broken_executor, broken_thread_pool>);
}

TEST(exception_group, lists_its_members_in_order) {
    const exception_group group("unhandled errors", {make(std::runtime_error("first")),
                                                     make(cancelled_error()), make(not_an_exception())});
    EXPECT_EQ(group.message(), "unhandled errors");
    ASSERT_EQ(group.exceptions().size(), 3U);
    const std::string text = group.what();
    EXPECT_TRUE(text.starts_with("unhandled errors (3 errors)\n  - first\n  - cancelled\n  - ")) << text;
    EXPECT_NE(text.find("not_an_exception"), std::string::npos) << text;
}

TEST(exception_group, counts_one_error_as_one) {
    EXPECT_STREQ(exception_group("unhandled", {make(std::runtime_error("only"))}).what(),
                 "unhandled (1 error)\n  - only");
}

TEST(exception_group, groups_may_hold_groups) {
    const exception_group inner("inner", {make(std::runtime_error("deep"))});
    const exception_group outer("outer", {make(inner)});
    EXPECT_NE(std::string(outer.what()).find("deep"), std::string::npos);
}

TEST(exception_group, knows_whether_a_member_is_more_than_an_error) {
    EXPECT_FALSE(exception_group("x", {}).has_base_exception());
    EXPECT_FALSE(exception_group("x", {make(timeout_error())}).has_base_exception());
    EXPECT_TRUE(
        exception_group("x", {make(timeout_error()), make(keyboard_interrupt())}).has_base_exception());
    EXPECT_TRUE(exception_group("x", {make(not_an_exception())}).has_base_exception());
}

// [except_star]
// What `except* OSError` would handle is told apart from what it would pass on.
std::vector<std::string> handle(const exception_group& errors) {
    std::vector<std::string> handled;
    auto [of_the_system, others] = errors.split<std::system_error>();
    if (of_the_system) {
        for (const auto& error : of_the_system->exceptions()) handled.push_back(describe_exception(error));
    }
    if (others) throw exception_group(*others);
    return handled;
}
// [/except_star]

TEST(exception_group, split_tells_the_members_of_a_kind_from_the_others) {
    const exception_group all("all", {make(timeout_error("late")), make(std::runtime_error("odd")),
                                      make(cancelled_error()), make(timeout_error("later"))});
    try {
        handle(all);
        ADD_FAILURE() << "the others were not passed on";
    } catch (const exception_group& others) {
        EXPECT_STREQ(others.what(), "all (2 errors)\n  - odd\n  - cancelled");
    }
    const exception_group two("two", {make(timeout_error("late")), make(timeout_error("later"))});
    EXPECT_EQ(handle(two), (std::vector<std::string>{"late", "later"}));
}

TEST(exception_group, subgroup_looks_into_groups_and_keeps_them) {
    const exception_group inner("inner", {make(timeout_error("late")), make(std::runtime_error("deep"))});
    const exception_group empty("empty", {make(std::logic_error("no"))});
    const exception_group outer("outer", {make(inner), make(empty), make(std::runtime_error("flat"))});
    const auto late = outer.subgroup<timeout_error>();
    ASSERT_TRUE(late);
    EXPECT_EQ(late->message(), "outer");
    ASSERT_EQ(late->exceptions().size(), 1U);
    EXPECT_EQ(describe_exception(late->exceptions()[0]), "inner (1 error)\n  - late");
    EXPECT_FALSE(outer.subgroup<cancelled_error>());
    EXPECT_EQ(outer.subgroup<exception_group>()->exceptions().size(), 2U);  // those that are an E stay whole

    const auto [errors, others] = outer.split<std::exception>();
    EXPECT_EQ(errors->exceptions().size(), 3U);
    EXPECT_FALSE(others);
}

TEST(describe_exception, says_what_there_is_to_say) {
    EXPECT_EQ(describe_exception(nullptr), "no exception");
    EXPECT_EQ(describe_exception(make(std::runtime_error("text"))), "text");
    EXPECT_EQ(describe_exception(make(cancelled_error("why"))), "why");
    EXPECT_EQ(describe_exception(make(17)), "an exception of type int");
}

TEST(error_code_of, finds_the_nearest_code) {
    const auto code = [](auto error) { return error_code_of(make(error)); };
    EXPECT_EQ(error_code_of(nullptr), std::error_code());
    EXPECT_EQ(code(std::system_error(std::make_error_code(std::errc::connection_refused), "connect")),
              std::errc::connection_refused);
    EXPECT_EQ(code(timeout_error()), std::errc::timed_out);
    EXPECT_EQ(code(cancelled_error()), std::errc::operation_canceled);
    EXPECT_EQ(code(std::bad_alloc()), std::errc::not_enough_memory);
    EXPECT_EQ(code(std::invalid_argument("x")), std::errc::invalid_argument);
    EXPECT_EQ(code(invalid_state_error("x")), std::errc::operation_not_permitted);
    EXPECT_EQ(code(std::runtime_error("x")), std::errc::state_not_recoverable);
    EXPECT_EQ(code(17), std::errc::state_not_recoverable);
}

}  // namespace
