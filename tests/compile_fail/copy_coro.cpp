// A coroutine object is moved, never copied.
// expect-error: call to (implicitly-)?deleted( copy)? constructor|use of deleted function
#include <bide/coro.hpp>

#include <utility>

static bide::coro<int> give(bide::coro<int> c) {
    const int value = co_await std::move(c);
    co_return value;
}

bide::coro<int> use(bide::coro<int> c) {
#ifdef BIDE_COMPILE_OK
    return give(std::move(c));
#else
    return give(c);
#endif
}
