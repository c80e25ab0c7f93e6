// bide/system: Python's open modes.
#pragma once

#include <string>
#include <string_view>

#include "os/file_calls.hpp"

namespace bide::detail {

// Throws std::invalid_argument that names the mode.
open_flags parse_mode(std::string_view mode);
// A path that can be given to the system. Throws std::invalid_argument for one with a NUL byte.
void check_path(const char* operation, const std::string& path);

}  // namespace bide::detail
