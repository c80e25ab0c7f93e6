// main() is no coroutine: it runs one.
// expect-error: cannot be used in the .main. function
#include <bide/run.hpp>
#include <bide/sleep.hpp>

#include <chrono>

using namespace std::chrono_literals;

#ifdef BIDE_COMPILE_OK
static bide::coro<void> async_main() { co_await bide::sleep(1s); }
int main() { bide::run(async_main()); }
#else
int main() { co_await bide::sleep(1s); }
#endif
