// bide/examples: five ways to wait for each other.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>

using namespace std::chrono_literals;

bide::coro<void> with_lock() {
    bide::lock lock;
    auto writer = [&](char letter) -> bide::coro<void> {
        auto held = co_await lock.scoped();
        std::cout << letter;
        co_await bide::sleep(10ms);
        std::cout << letter << ' ';
    };
    std::cout << "lock:      ";
    co_await bide::gather(writer('a'), writer('b'), writer('c'));
}

bide::coro<void> with_event() {
    bide::event start;
    auto runner = [&](int number) -> bide::coro<void> {
        co_await start.wait();
        std::cout << number << " runs ";
    };
    std::cout << "\nevent:     ";
    bide::get_running_loop().call_later(10ms, [&] { start.set(); });
    co_await bide::gather(runner(1), runner(2), runner(3));
}

bide::coro<void> with_condition() {
    bide::condition changed;
    int level = 0;
    auto filler = [&]() -> bide::coro<void> {
        while (level < 3) {
            auto held = co_await changed.scoped();
            std::cout << ++level << ' ';
            changed.notify_all();
        }
    };
    std::cout << "\ncondition: ";
    auto filling = bide::create_task(filler());
    auto held = co_await changed.scoped();
    co_await changed.wait_for([&] { return level == 3; });
    std::cout << "full";
    co_await filling;
}

bide::coro<void> with_semaphore() {
    bide::semaphore seats(2);
    auto guest = [&](int number) -> bide::coro<void> {
        auto seat = co_await seats.scoped();
        std::cout << number << " sits ";
        co_await bide::sleep(10ms);
    };
    std::cout << "\nsemaphore: ";
    co_await bide::gather(guest(1), guest(2), guest(3), guest(4));
}

bide::coro<void> with_barrier() {
    bide::barrier gate(3);
    auto walker = [&](int number) -> bide::coro<void> {
        co_await bide::sleep(number * 10ms);
        std::cout << number << " waits ";
        if (co_await gate.wait() == 2) std::cout << "all go\n";
    };
    std::cout << "\nbarrier:   ";
    co_await bide::gather(walker(1), walker(2), walker(3));
}

bide::coro<void> async_main() {
    co_await with_lock();
    co_await with_event();
    co_await with_condition();
    co_await with_semaphore();
    co_await with_barrier();
}

int main() { bide::run(async_main()); }
