// bide/examples: what happens when time runs out.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

bide::coro<int> answer_after(std::chrono::milliseconds delay) {
    try {
        co_await bide::sleep(delay);
    } catch (const bide::cancelled_error&) {
        std::cout << "  (the answer after " << delay.count() << " ms was cancelled)\n";
        throw;
    }
    co_return 42;
}

bide::coro<void> async_main() {
    const int soon = co_await bide::wait_for(answer_after(10ms), 1s);
    std::cout << "wait_for, in time: " << soon << '\n';

    try {
        co_await bide::wait_for(answer_after(900ms), 20ms);
    } catch (const bide::timeout_error&) { std::cout << "wait_for, too late: no answer\n"; }

    try {
        co_await bide::with_timeout(20ms, [](bide::timeout& limit) -> bide::coro<void> {
            limit.reschedule(bide::get_running_loop().time() + 300ms);  // it turns out to take longer
            const int answer = co_await answer_after(40ms);
            std::cout << "with_timeout, rescheduled: " << answer << '\n';
            co_await answer_after(900ms);
        });
    } catch (const bide::timeout_error&) { std::cout << "with_timeout: what ran in it is cancelled\n"; }

    auto precious = bide::create_task(answer_after(60ms));
    const auto early = co_await bide::as_result(bide::wait_for(bide::shield(precious), 20ms));
    std::cout << "shield, after 20 ms: " << (early ? "an answer" : "no answer") << '\n';
    const int late = co_await precious;
    std::cout << "shield, later: " << late << '\n';
}

int main() { bide::run(async_main()); }
