// A task fails and nobody awaits it.
// says: bide: Task exception was never retrieved
// says:   task: Task-2
// says:   at: <path>lost_exception.cpp:16
// says:   exception: disk full
// says:   hint: await the task, or start it in a task group, so that somebody sees its failure
#include <bide/bide.hpp>

#include <chrono>
#include <stdexcept>

using namespace std::chrono_literals;

// [program]
bide::coro<void> save() {
    co_await bide::sleep(1ms);
    throw std::runtime_error("disk full");
}

bide::coro<void> async_main() {
    bide::create_task(save());
    co_await bide::sleep(10ms);
}

int main() { bide::run(async_main()); }
// [/program]
