// bide/system: the name of a function for messages.
#pragma once

#include <bide/detail/system/process_function.hpp>

#include <string>

namespace bide::detail {

// "count_words", of what the compiler writes into __PRETTY_FUNCTION__.
inline std::string short_name(const process_function& function) {
    std::string_view text = function.text;
    const std::size_t at = text.find("F = ");
    if (at != std::string_view::npos) text.remove_prefix(at + 4);
    text = text.substr(0, text.find_first_of(";]"));
    if (!text.empty() && text.front() == '&') text.remove_prefix(1);
    return std::string(text);
}

}  // namespace bide::detail
