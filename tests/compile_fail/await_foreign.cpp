// An awaiter of another library resumes a coroutine from wherever it likes.
// expect-error: bide: this type cannot be awaited: leave out the co_await, or bridge it with a future<T>
#include <bide/future.hpp>
#include <bide/task.hpp>

#include <coroutine>

struct foreign_awaiter {
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}
};

bide::coro<void> use() {
#ifdef BIDE_COMPILE_OK
    const auto bridge = bide::create_future<void>();
    co_await bridge;
#else
    co_await foreign_awaiter{};
#endif
}
