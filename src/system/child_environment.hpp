// bide/system: the environment of a child, and where its program may lie.
#pragma once

#include <bide/detail/system/child_settings.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace bide::detail {

class child_environment {
public:
    // Throws std::invalid_argument for a name that is none.
    explicit child_environment(const child_settings& settings);
    child_environment(const child_environment&) = delete;
    child_environment& operator=(const child_environment&) = delete;

    // For execve(2); that of this process where nothing is changed.
    [[nodiscard]] char* const* pointers() const noexcept { return pointers_; }

    // The folders in which a program without a slash in its name is looked up.
    [[nodiscard]] std::string_view path() const noexcept;
    // The files to try, in order: one for a name with a slash, else one in each folder of PATH.
    [[nodiscard]] std::vector<std::string> candidates(const std::string& program) const;

private:
    void set(const std::string& name, const std::string& value);

    std::vector<std::string> own_;
    std::vector<char*> own_pointers_;
    char* const* pointers_;
};

}  // namespace bide::detail
