// as_result(), too, takes a coroutine object by value.
// expect-error: no matching function for call to .*as_result
#include <bide/as_result.hpp>

#include <utility>

bide::coro<void> use(bide::coro<int> c) {
#ifdef BIDE_COMPILE_OK
    const bide::result<int> value = co_await bide::as_result(std::move(c));
#else
    const bide::result<int> value = co_await bide::as_result(c);
#endif
    static_cast<void>(value);
}
