// bide/tests: a generator runs without a loop, so it cannot await.
// expect-error: a generator cannot co_await; make it an async_generator
#include <bide/async_generator.hpp>
#include <bide/generator.hpp>
#include <bide/sleep.hpp>

#ifdef BIDE_COMPILE_OK
bide::async_generator<int> numbers() {
#else
bide::generator<int> numbers() {
#endif
    co_await bide::sleep(std::chrono::seconds(1));
    co_yield 1;
}
