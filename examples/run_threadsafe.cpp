// bide/examples: a thread asks the loop for a result.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

std::thread::id loop_thread;

void say(const char* what) {
    std::cout << (std::this_thread::get_id() == loop_thread ? "loop:   " : "thread: ") << what << '\n';
}

bide::coro<int> add(int a, int b) {
    say("adding");
    co_await bide::sleep(50ms);
    co_return a + b;
}

void other_thread(bide::event_loop* loop) {
    say("asking");
    auto sum = bide::run_coroutine_threadsafe(add(20, 22), *loop);
    if (sum.result() == 42) say("the sum is 42");
}

bide::coro<void> async_main() {
    loop_thread = std::this_thread::get_id();
    say("starting the other thread");
    co_await bide::to_thread(other_thread, &bide::get_running_loop());
    say("the other thread has ended");
}

int main() { bide::run(async_main()); }
