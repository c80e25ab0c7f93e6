// bide/os: which descriptors the process has open.
#pragma once

#include <string>
#include <vector>

namespace bide::detail {

// "7 -> pipe:[1234]" for each, as /proc/self/fd tells; empty where that cannot be read. Without those that signal_watch
// keeps until the process ends.
std::vector<std::string> open_descriptors();

bool is_open(int fd) noexcept;

}  // namespace bide::detail
