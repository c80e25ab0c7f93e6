// A function that awaits is a coroutine, and so must return coro<T>.
// expect-error-clang: this function cannot be a coroutine: .*no member named 'promise_type'
// expect-error-gcc: unable to find the promise type for this coroutine
#include <bide/coro.hpp>
#include <bide/sleep.hpp>

#include <chrono>

using namespace std::chrono_literals;

#ifdef BIDE_COMPILE_OK
bide::coro<void> use() { co_await bide::sleep(1s); }
#else
void use() { co_await bide::sleep(1s); }
#endif
