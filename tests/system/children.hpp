// bide/tests: what the system knows about the children of this process.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include <sys/types.h>
#include <sys/wait.h>

namespace bide_test {

/// 'R', 'S', 'Z' (ended and not reaped) and so on, as /proc tells; 0 for a process that does not exist.
inline char state_of(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text;
    std::getline(file, text);
    const auto after_name = text.rfind(')');
    return after_name == std::string::npos || after_name + 2 >= text.size() ? '\0' : text[after_name + 2];
}
inline bool exists(int pid) { return state_of(pid) != '\0'; }

/// No child of this process is left, whether it runs or is a zombie.
inline bool childless() {
    siginfo_t info{};
    return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
}

}  // namespace bide_test
