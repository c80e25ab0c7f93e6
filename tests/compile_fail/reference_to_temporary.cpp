// A coroutine that returns a reference must not return one to a temporary of its co_return.
// expect-error-clang: no matching member function for call to 'return_value'
// expect-error-gcc: no matching function for call to .*return_value
#include <bide/coro.hpp>

#include <string>

static const std::string kept = "kept";

bide::coro<const std::string&> use() {
#ifdef BIDE_COMPILE_OK
    co_return kept;
#else
    co_return "a temporary string";
#endif
}
