// A coroutine object runs once, so an await takes it by value.
// expect-error: bide: a coro runs once; give it away with co_await std::move\(c\)
#include <bide/coro.hpp>

#include <utility>

bide::coro<void> use(bide::coro<int> c) {
#ifdef BIDE_COMPILE_OK
    co_await std::move(c);
#else
    co_await c;
#endif
}
