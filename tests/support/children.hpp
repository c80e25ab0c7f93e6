// bide/testing: coroutines for tests that watch tasks fail and be cancelled.
#pragma once

#include <bide/bide.hpp>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace bide_test {

using namespace std::chrono_literals;

inline bide::coro<int> value_after(std::chrono::milliseconds delay, int value = 42) {
    co_await bide::sleep(delay);
    co_return value;
}

inline bide::coro<void> fail_after(std::chrono::milliseconds delay, std::string text = "failed") {
    co_await bide::sleep(delay);
    throw std::runtime_error(text);
}

// Notes that it was cancelled, and how long it took to clean up then.
inline bide::coro<void> wait_long(int& cancelled, std::chrono::milliseconds clean_up = 0ms) {
    std::exception_ptr error;
    try {
        co_await bide::sleep(1h);
    } catch (const bide::cancelled_error&) {
        ++cancelled;
        error = std::current_exception();
    }
    co_await bide::sleep(clean_up);
    if (error) std::rethrow_exception(error);
}

// The texts of the failures of a group, joined; of a group inside it in brackets.
inline std::string texts(const bide::exception_group& group) {
    std::string all;
    for (const std::exception_ptr& error : group.exceptions()) {
        all += all.empty() ? "" : ",";
        try {
            std::rethrow_exception(error);
        } catch (const bide::exception_group& inner) { all += "[" + texts(inner) + "]"; } catch (...) {
            all += bide::describe_exception(error);
        }
    }
    return all;
}

template <class A>
bide::coro<std::string> failures(A what) {
    std::string text = "no failures";
    try {
        co_await std::move(what);
    } catch (const bide::exception_group& group) { text = texts(group); }
    co_return text;
}

}  // namespace bide_test
