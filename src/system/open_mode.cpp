// bide/system: Python's open modes.
#include "system/open_mode.hpp"

#include <stdexcept>

#include "system/worker_call.hpp"

namespace bide::detail {

open_flags parse_mode(std::string_view mode) {
    char verb = 0;
    bool both = false;
    char content = 0;
    bool good = true;
    for (const char each : mode) {
        if (each == 'r' || each == 'w' || each == 'a' || each == 'x') {
            good = good && verb == 0;
            verb = each;
        } else if (each == '+') {
            good = good && !both;
            both = true;
        } else if (each == 'b' || each == 't') {
            good = good && content == 0;
            content = each;
        } else {
            good = false;
        }
    }
    if (!good || verb == 0) {
        throw std::invalid_argument("open: invalid mode '" + std::string(mode) +
                                    "': write one of r, w, a and x, then + and one of b and t where wanted");
    }
    open_flags flags;
    flags.read = verb == 'r' || both;
    flags.write = verb != 'r' || both;
    flags.append = verb == 'a';
    flags.create = verb != 'r';
    flags.exclusive = verb == 'x';
    flags.truncate = verb == 'w';
    return flags;
}

void check_path(const char* operation, const std::string& path) {
    if (path.find('\0') == std::string::npos) return;
    throw std::invalid_argument(about(operation, path.substr(0, path.find('\0'))) +
                                ": the path goes on after a NUL byte");
}

}  // namespace bide::detail
