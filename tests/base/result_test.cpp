// bide/base: result<T> holds a value or the failure that came instead.
#include <bide/result.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using bide::result;

const std::error_code refused = std::make_error_code(std::errc::connection_refused);

TEST(result, holds_a_value) {
    result<std::string> r("text");
    EXPECT_TRUE(r.has_value());
    EXPECT_TRUE(r);
    EXPECT_EQ(*r, "text");
    EXPECT_EQ(r->size(), 4U);
    EXPECT_EQ(r.value(), "text");
    EXPECT_EQ(r.error(), std::error_code());
    EXPECT_EQ(r.exception(), nullptr);
}

TEST(result, reads_like_this) {
    // [use]
    const auto port_of = [](const std::string& text) -> result<int> {
        if (text.empty()) return result<int>::failure(std::make_error_code(std::errc::invalid_argument));
        return std::stoi(text);
    };
    const result<int> port = port_of("8080");
    if (!port) throw std::system_error(port.error(), "the port");
    const int number = *port;
    const int fallback = port_of("").value_or(80);
    // [/use]
    EXPECT_EQ(number, 8080);
    EXPECT_EQ(fallback, 80);
}

TEST(result, holds_a_code) {
    const auto r = result<int>::failure(refused);
    EXPECT_FALSE(r.has_value());
    EXPECT_FALSE(r);
    EXPECT_EQ(r.error(), std::errc::connection_refused);
    try {
        static_cast<void>(r.value());
        ADD_FAILURE();
    } catch (const std::system_error& e) { EXPECT_EQ(e.code(), refused); }
    EXPECT_NE(r.exception(), nullptr);
}

TEST(result, holds_an_exception_and_its_nearest_code) {
    const auto r = result<int>::failure(std::make_exception_ptr(std::invalid_argument("bad")));
    EXPECT_EQ(r.error(), std::errc::invalid_argument);
    EXPECT_THROW(static_cast<void>(r.value()), std::invalid_argument);
    EXPECT_THROW(std::rethrow_exception(r.exception()), std::invalid_argument);
}

TEST(result, holds_an_exception_under_a_code_of_the_callers) {
    const auto r = result<int>::failure(refused, std::make_exception_ptr(std::runtime_error("no")));
    EXPECT_EQ(r.error(), refused);
    EXPECT_THROW(static_cast<void>(r.value()), std::runtime_error);
}

TEST(result, void_has_no_value_but_success) {
    result<void> fine;
    EXPECT_TRUE(fine);
    fine.value();
    *fine;
    std::move(fine).value();
    const auto failed = result<void>::failure(refused);
    EXPECT_FALSE(failed);
    EXPECT_THROW(failed.value(), std::system_error);
}

TEST(result, a_reference_stays_one) {
    int number = 1;
    result<int&> r(number);
    *r = 2;
    EXPECT_EQ(number, 2);
    EXPECT_EQ(&r.value(), &number);
    EXPECT_EQ(&*std::move(r), &number);
    static_assert(std::is_same_v<decltype(*std::declval<result<int&>>()), int&>);
}

TEST(result, values_that_only_move_are_moved_out) {
    result<std::unique_ptr<int>> r(std::make_unique<int>(7));
    const auto out = std::move(r).value();
    EXPECT_EQ(*out, 7);
    result<std::unique_ptr<int>> other(std::make_unique<int>(8));
    const auto second = *std::move(other);
    EXPECT_EQ(*second, 8);
}

// `auto&& x = *co_await as_result(...)` must not dangle.
TEST(result, the_value_of_a_temporary_is_no_reference_into_it) {
    static_assert(std::is_same_v<decltype(*std::declval<result<std::string>>()), std::string>);
    static_assert(std::is_same_v<decltype(std::declval<result<std::string>>().value()), std::string>);
    static_assert(std::is_same_v<decltype(*std::declval<result<std::string>&>()), std::string&>);
    static_assert(std::is_same_v<decltype(*std::declval<const result<std::string>&>()), const std::string&>);
}

TEST(result, value_or_stands_in) {
    const auto failed = result<std::string>::failure(refused);
    EXPECT_EQ(failed.value_or("default"), "default");
    EXPECT_EQ(result<std::string>("set").value_or("default"), "set");
    result<std::unique_ptr<int>> pointer(std::make_unique<int>(3));
    EXPECT_EQ(*std::move(pointer).value_or(nullptr), 3);
}

TEST(result, const_access) {
    const result<std::string> r("text");
    EXPECT_EQ(*r, "text");
    EXPECT_EQ(r->size(), 4U);
    EXPECT_EQ(r.value(), "text");
}

TEST(result, can_be_copied_and_assigned) {
    result<std::string> r("a");
    const result<std::string> copy = r;
    r = result<std::string>::failure(refused);
    EXPECT_FALSE(r);
    EXPECT_EQ(*copy, "a");
    r = copy;
    EXPECT_EQ(*r, "a");
    EXPECT_EQ(r.error(), std::error_code());
}

// What T takes only explicitly, result<T> takes only explicitly.
TEST(result, converts_as_its_value_does) {
    static_assert(std::is_convertible_v<const char*, result<std::string>>);
    static_assert(!std::is_convertible_v<int, result<std::vector<int>>>);
    static_assert(std::is_constructible_v<result<std::vector<int>>, int>);
    EXPECT_EQ((result<std::vector<int>>(3))->size(), 3U);
    const result<std::error_code> code = refused;  // an error code may be a value
    EXPECT_TRUE(code);
}

}  // namespace
