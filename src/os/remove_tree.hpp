// bide/os: remove a folder and all that is in it.
#pragma once

#include <string>

namespace bide::detail::sys {

// Never leaves the tree, also when others replace what is in it by links or move it meanwhile. What vanishes meanwhile is
// no failure. Returns -errno; `at` becomes the path that failed.
int remove_tree(const std::string& path, std::string& at);

}  // namespace bide::detail::sys
