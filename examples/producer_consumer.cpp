// bide/examples: a queue, and a clean end.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

bide::coro<void> produce(bide::queue<std::string>& orders, std::string what) {
    for (int i = 1; i <= 3; ++i) {
        co_await bide::sleep(20ms);
        co_await orders.put(what + " " + std::to_string(i));
    }
    std::cout << "no more " << what << '\n';
}

bide::coro<void> consume(bide::queue<std::string>& orders, std::string name) {
    try {
        for (;;) {
            const std::string order = co_await orders.get();
            std::cout << name << " makes " << order << '\n';
            co_await bide::sleep(30ms);
            orders.task_done();
        }
    } catch (const bide::queue_shut_down&) { std::cout << name << " goes home\n"; }
}

bide::coro<void> async_main() {
    bide::queue<std::string> orders(4);
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        group.create_task(consume(orders, "Ann"));
        group.create_task(consume(orders, "Ben"));
        co_await bide::gather(produce(orders, "tea"), produce(orders, "toast"));
        co_await orders.join();
        orders.shutdown();
    });
}

int main() { bide::run(async_main()); }
