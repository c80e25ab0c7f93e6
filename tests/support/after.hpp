// bide/tests: coroutines that end after a while, with a value or a failure.
#pragma once

#include <bide/coro.hpp>
#include <bide/sleep.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

namespace bide_test {

template <class T>
bide::coro<T> value_after(std::chrono::milliseconds delay, T value) {
    const std::chrono::milliseconds wait = delay;
    co_await bide::sleep(wait);
    co_return value;
}

inline bide::coro<void> nothing_after(std::chrono::milliseconds delay) { co_await bide::sleep(delay); }

inline bide::coro<int> fail_after(std::chrono::milliseconds delay, std::string text) {
    const std::chrono::milliseconds wait = delay;
    co_await bide::sleep(wait);
    throw std::runtime_error(text);
}

inline bide::coro<std::unique_ptr<int>> owned_after(std::chrono::milliseconds delay, int value) {
    auto made = std::make_unique<int>(value);
    co_await bide::sleep(delay);
    co_return made;
}

inline int shared_number = 7;
inline bide::coro<int&> number_after(std::chrono::milliseconds delay) {
    int& number = shared_number;
    co_await bide::sleep(delay);
    co_return number;
}

}  // namespace bide_test
