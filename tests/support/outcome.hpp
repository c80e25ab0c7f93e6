// bide/testing: how an await ended, as one word to compare.
#pragma once

#include <bide/bide.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace bide_test {

/// "value", "timeout", "cancelled", "group(N)" for N failures, or the text of the exception.
template <class A>
bide::coro<std::string> outcome(A what) {
    std::string text = "value";
    try {
        if constexpr (std::is_void_v<bide::await_result_t<A>>) {
            co_await std::move(what);
        } else {
            [[maybe_unused]] auto value = co_await std::move(what);
        }
    } catch (const bide::timeout_error&) { text = "timeout"; } catch (const bide::cancelled_error&) {
        text = "cancelled";
    } catch (const bide::exception_group& group) {
        text = "group(" + std::to_string(group.exceptions().size()) + ")";
    } catch (const std::exception& error) { text = error.what(); } catch (const bide::base_exception& error) {
        text = error.what();
    }
    co_return text;
}

/// Order-dependent tests run in order also where the ready queue is shuffled.
inline bide::testing::test_options in_order() {
    return bide::testing::test_options().loop(bide::loop_options().poll_interval(1).shuffle(0));
}

}  // namespace bide_test
