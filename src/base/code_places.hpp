// bide/base: which line of which file an address of code belongs to.
#pragma once

#include <string>
#include <vector>

namespace bide::detail {

struct code_place {
    std::string file;
    std::string function;  // as the compiler writes it; may be empty
    int line = 0;
};

// The place of the instruction before `returns_to`, followed by the calls that the compiler has inlined around it,
// outwards. Empty where it cannot be known: without debug information, or without libbacktrace at link time.
std::vector<code_place> code_places(const void* returns_to);

}  // namespace bide::detail
