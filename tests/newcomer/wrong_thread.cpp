// Another thread sets what belongs to the loop.
// exit: abort
// says: set_result: the future belongs to a loop that runs in another thread; use its call_soon_threadsafe
#include <bide/bide.hpp>

#include <iostream>
#include <thread>

// [program]
bide::coro<void> async_main() {
    auto answer = bide::create_future<int>();
    std::thread worker([&] { answer.set_result(42); });
    const int value = co_await answer;
    std::cout << value << '\n';
    worker.join();
}

int main() { bide::run(async_main()); }
// [/program]
