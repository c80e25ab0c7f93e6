// bide/base: which line of which file an address of code belongs to.
//
// libbacktrace comes with GCC and reads the program's own debug information. It is referred to weakly: a program that
// links it gets file and line in its reports, and any other one works without.
#include "base/code_places.hpp"

#include <cstdint>

extern "C" {
struct backtrace_state;
using backtrace_full_callback = int (*)(void* data, std::uintptr_t pc, const char* file, int line,
                                        const char* function);
using backtrace_error_callback = void (*)(void* data, const char* message, int number);

__attribute__((weak)) backtrace_state* backtrace_create_state(const char* program, int threaded,
                                                              backtrace_error_callback error, void* data);
__attribute__((weak)) int backtrace_pcinfo(backtrace_state* state, std::uintptr_t pc,
                                           backtrace_full_callback call, backtrace_error_callback error,
                                           void* data);
}

namespace bide::detail {

namespace {

void ignore(void*, const char*, int) {}

int collect(void* data, std::uintptr_t, const char* file, int line, const char* function) {
    if (file == nullptr) return 1;
    try {
        static_cast<std::vector<code_place>*>(data)->push_back(
            {file, function == nullptr ? "" : function, line});
    } catch (...) {  // no memory: what is there must do
        return 1;
    }
    return 0;
}

}  // namespace

std::vector<code_place> code_places(const void* returns_to) {
    std::vector<code_place> found;
    if (backtrace_create_state == nullptr || backtrace_pcinfo == nullptr || returns_to == nullptr)
        return found;
    static backtrace_state* const state = backtrace_create_state(nullptr, 1, ignore, nullptr);
    if (state == nullptr) return found;
    backtrace_pcinfo(state, reinterpret_cast<std::uintptr_t>(returns_to) - 1, collect, ignore, &found);
    return found;
}

}  // namespace bide::detail
