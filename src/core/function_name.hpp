// bide/core: the name of a function out of what the compiler calls it.
#pragma once

#include <string>
#include <string_view>

namespace bide::detail {

// "coro<int> (anonymous namespace)::fetch(std::string) const" is shown as "fetch", a lambda in it as "fetch::lambda".
std::string short_function_name(std::string_view signature);

}  // namespace bide::detail
