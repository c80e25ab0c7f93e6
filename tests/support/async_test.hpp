// bide/testing: a GoogleTest case whose body is a coroutine.
#pragma once

#include <gtest/gtest.h>

#include <bide/bide.hpp>
#include <bide/testing/run_test.hpp>
#include <bide/testing/sweep.hpp>

// The body may co_await and must end with co_return. Use EXPECT_..., not ASSERT_...: those contain a plain return.
#define BIDE_TEST(suite, name) BIDE_TEST_WITH(suite, name, bide::testing::test_options())

#define BIDE_TEST_WITH(suite, name, options) \
    static bide::coro<void> bide_test_##suite##_##name(); \
    TEST(suite, name) { bide::testing::run_test(bide_test_##suite##_##name, options); } \
    static bide::coro<void> bide_test_##suite##_##name()
