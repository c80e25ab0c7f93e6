// bide/system: the environment of a child, and where its program may lie.
#include "system/child_environment.hpp"

#include <algorithm>
#include <stdexcept>

extern "C" char** environ;

namespace bide::detail {

child_environment::child_environment(const child_settings& settings) : pointers_(environ) {
    if (!settings.clears_environment && settings.environment.empty()) return;
    if (!settings.clears_environment) {
        for (char* const* each = environ; each != nullptr && *each != nullptr; ++each)
            own_.emplace_back(*each);
    }
    for (const auto& [name, value] : settings.environment) set(name, value);
    for (std::string& each : own_) own_pointers_.push_back(each.data());
    own_pointers_.push_back(nullptr);
    pointers_ = own_pointers_.data();
}

void child_environment::set(const std::string& name, const std::string& value) {
    const std::string text = name + "=" + value;
    if (name.empty() || name.find('=') != std::string::npos || text.find('\0') != std::string::npos) {
        throw std::invalid_argument(
            "subprocess_options: \"" + std::string(text.c_str()) +  // to a zero byte
            "\" is no environment variable: its name is empty, or has a '=' in it, or "
            "there is a zero byte");
    }
    const std::string_view start = std::string_view(text).substr(0, name.size() + 1);
    const auto at = std::find_if(own_.begin(), own_.end(),
                                 [&](const std::string& each) { return each.rfind(start, 0) == 0; });
    if (at != own_.end()) {
        *at = text;
    } else {
        own_.push_back(text);
    }
}

std::string_view child_environment::path() const noexcept {
    for (char* const* each = pointers_; each != nullptr && *each != nullptr; ++each) {
        const std::string_view text = *each;
        if (text.substr(0, 5) == "PATH=") return text.substr(5);
    }
    return "/bin:/usr/bin";
}

std::vector<std::string> child_environment::candidates(const std::string& program) const {
    std::vector<std::string> all;
    if (program.find('/') != std::string::npos) {
        all.push_back(program);
        return all;
    }
    for (std::string_view rest = path();;) {
        const std::size_t end = rest.find(':');
        const std::string folder(rest.substr(0, end));
        all.push_back((folder.empty() ? "." : folder) + "/" + program);
        if (end == std::string_view::npos) return all;
        rest.remove_prefix(end + 1);
    }
}

}  // namespace bide::detail
