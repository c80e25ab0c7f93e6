// What run() takes must be awaitable.
// expect-error: bide: this type cannot be awaited
#include <bide/run.hpp>

static bide::coro<int> main_coroutine() { co_return 1; }

int use() {
#ifdef BIDE_COMPILE_OK
    return bide::run(main_coroutine());
#else
    return bide::run(1);
#endif
}
