// bide/examples: where a failure goes.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace std::chrono_literals;

bide::coro<int> half(int number) {
    co_await bide::sleep(std::chrono::milliseconds(number));
    if (number % 2 != 0) throw std::invalid_argument(std::to_string(number) + " is odd");
    co_return number / 2;
}

bide::coro<int> quarter(int number) {  // knows nothing of failures: they pass through
    const int once = co_await half(number);
    co_return co_await half(once);
}

bide::coro<void> async_main() {
    try {
        co_await quarter(6);
    } catch (const std::invalid_argument& error) { std::cout << "an await:  " << error.what() << '\n'; }

    try {
        co_await bide::gather(half(8), half(7), half(6));
    } catch (const std::invalid_argument& error) { std::cout << "gather:    " << error.what() << '\n'; }

    auto task = bide::create_task(half(5));
    const auto outcome = co_await bide::as_result(task);
    if (!outcome) std::cout << "as_result: " << bide::describe_exception(outcome.exception()) << '\n';

    auto [good, bad] = co_await bide::gather_results(half(8), half(9));
    std::cout << "kept:      " << *good << ", and " << bide::describe_exception(bad.exception()) << '\n';

    try {
        co_await bide::with_task_group([](bide::task_group& group) -> bide::coro<void> {
            group.create_task(half(3));
            group.create_task(half(1'000'000));  // is cancelled when the first one fails
            co_return;
        });
    } catch (const bide::exception_group& errors) {
        for (const auto& error : errors.exceptions())
            std::cout << "a group:   " << bide::describe_exception(error) << '\n';
    }
}

int main() { bide::run(async_main()); }
