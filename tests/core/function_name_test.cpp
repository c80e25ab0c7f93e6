// bide/core: how functions are called in reports.
// bide-test: once
#include "core/function_name.hpp"

#include <gtest/gtest.h>

namespace {

using bide::detail::short_function_name;

TEST(function_name, of_clang) {
    EXPECT_EQ(short_function_name("bide::coro<void> (anonymous namespace)::plain(std::string, int)"),
              "plain");
    EXPECT_EQ(short_function_name("bide::coro<std::vector<T>> tmpl(std::vector<T>) [T = int]"), "tmpl");
    EXPECT_EQ(short_function_name("bide::coro<void> s::member(std::function<void (int)>) const"),
              "s::member");
    EXPECT_EQ(short_function_name("bide::coro<void> s::operator()(int)"), "s::operator()");
    EXPECT_EQ(short_function_name("auto main()::(anonymous class)::operator()(int) const"), "main::lambda");
    EXPECT_EQ(short_function_name(
                  "auto (anonymous namespace)::f(int)::(anonymous class)::operator()() const::(anonymous "
                  "class)::operator()(std::pair<int, int>) const"),
              "f::lambda::lambda");
    EXPECT_EQ(
        short_function_name("coro<await_result_t<A>> bide::detail::await_in_coro(A) [A = bide::task<int>]"),
        "bide::detail::await_in_coro");
}

TEST(function_name, of_gcc) {
    EXPECT_EQ(short_function_name(
                  "void {anonymous}::plain(plain(std::string, int)::_ZN12_GLOBAL__N_15plainE.Frame*)"),
              "plain");
    EXPECT_EQ(
        short_function_name("bide::coro<std::vector<Handle> > tmpl(std::vector<Handle>) [with T = int]"),
        "tmpl");
    EXPECT_EQ(short_function_name("void s::operator()(s::operator()(int)::_ZN1sclEi.Frame*)"),
              "s::operator()");
    EXPECT_EQ(short_function_name("main()::<lambda(int)>"), "main::lambda");
    EXPECT_EQ(
        short_function_name(
            "void main()::<lambda(int)>::operator()(main()::<lambda(int)>::_ZZ4mainENKUliE_clEi.Frame*)"),
        "main::lambda");
}

TEST(function_name, of_nothing_it_knows) {
    EXPECT_EQ(short_function_name(""), "");
    EXPECT_EQ(short_function_name("main"), "main");
    EXPECT_EQ(short_function_name("(((("), "((((");
    EXPECT_EQ(short_function_name("))))"), "))))");
    EXPECT_EQ(short_function_name("<lambda("), "<lambda(");
}

}  // namespace
