// One task sleeps as a thread does, and with it the whole loop.
// env: BIDE_DEBUG=1
// says: bide: Executing task 'ticker' took 0.<n> seconds: the loop was blocked
// says:   task: ticker
// says:   at: between <path>blocked_loop.cpp:16 and <path>blocked_loop.cpp:18
// says:   hint: a coroutine must not block: co_await bide::sleep(), or bide::to_thread(fn) for what takes long
#include <bide/bide.hpp>

#include <chrono>
#include <thread>

using namespace std::chrono_literals;

// [program]
bide::coro<void> tick() {
    co_await bide::sleep(1ms);
    std::this_thread::sleep_for(200ms);  // not: co_await bide::sleep(200ms)
    co_await bide::sleep(1ms);
}

bide::coro<void> async_main() { co_await bide::create_task(tick(), bide::task_options().name("ticker")); }

int main() { bide::run(async_main()); }
// [/program]
