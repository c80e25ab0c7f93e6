// bide/base: what to do about an error of the operating system.
#pragma once

#include <exception>
#include <string>

namespace bide::detail {

// One sentence for whoever meets the error for the first time; empty where there is nothing to say that its text does not.
std::string hint_for(const std::exception_ptr& error);

}  // namespace bide::detail
