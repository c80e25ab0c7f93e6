// bide/system: start a program in a new process.
#pragma once

#include <bide/detail/system/child_settings.hpp>

#include <string>
#include <vector>

#include "os/fd.hpp"

namespace bide::detail {

struct spawned {
    int pid;
    unique_fd pidfd;  // empty where the kernel has none
};

struct spawn_order {
    const char* call;  // for errors
    const std::vector<std::string>& arguments;
    const child_settings& settings;
    const std::vector<descriptor_place>&
        descriptors;          // what the child has as its descriptors, but for inherited 0, 1, 2
    bool wants_pidfd = true;  // for tests of kernels that have none
};

// Throws std::system_error that says which step failed, std::invalid_argument. The program runs when this returns.
spawned spawn(const spawn_order& order);

}  // namespace bide::detail
