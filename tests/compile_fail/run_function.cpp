// run() takes what a coroutine function returns, not the function.
// expect-error: bide: this is a function; call it, and pass what it returns
#include <bide/run.hpp>

static bide::coro<int> main_coroutine() { co_return 1; }

int use() {
#ifdef BIDE_COMPILE_OK
    return bide::run(main_coroutine());
#else
    return bide::run(main_coroutine);
#endif
}
