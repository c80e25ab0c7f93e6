// A lambda that awaits must name its return type.
// expect-error: cannot be used in a function with a deduced return type
#include <bide/sleep.hpp>
#include <bide/task.hpp>

#include <chrono>

using namespace std::chrono_literals;

void use() {
#ifdef BIDE_COMPILE_OK
    bide::create_task([]() -> bide::coro<void> { co_await bide::sleep(1s); });
#else
    const auto wait = [] { co_await bide::sleep(1s); };
#endif
}
