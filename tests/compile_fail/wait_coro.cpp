// bide/core: wait() takes tasks and futures, and says what to do with a coroutine.
// expect-error: call create_task on each coroutine first
// expect-error: wait takes a range of tasks and futures
#include <bide/wait.hpp>

#include <utility>
#include <vector>

bide::coro<int> work() { co_return 1; }

bide::coro<void> wait_for_work() {
#ifdef BIDE_COMPILE_OK
    std::vector<bide::task<int>> tasks;
    tasks.push_back(bide::create_task(work()));
    auto [done, pending] = co_await bide::wait(tasks, bide::first_completed);
#else
    std::vector<bide::coro<int>> coros;
    coros.push_back(work());
    static_cast<void>(bide::wait(std::move(coros), bide::first_completed));
    bide::wait(work());
    co_return;
#endif
}
