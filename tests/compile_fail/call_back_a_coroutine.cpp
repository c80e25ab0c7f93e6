// bide/loop: a coroutine function is no callback: nobody would await what it returns.
// expect-error: a coroutine that is called back would never run; use create_task
#include <bide/coro.hpp>
#include <bide/loop.hpp>

#ifdef BIDE_COMPILE_OK
void work(int) {}
#else
bide::coro<void> work(int) { co_return; }
#endif

void schedule(bide::event_loop& loop) { loop.call_soon(work, 1); }
