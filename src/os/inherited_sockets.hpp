// bide/os: the descriptors that a service manager started this process with.
#pragma once

#include <string>
#include <vector>

#include "os/fd.hpp"

namespace bide::detail {

struct inherited_descriptor {
    unique_fd fd;
    std::string name;
};

// Those that the environment announces to this process, now close-on-exec; the announcement is removed, so a second call
// gives none, and a child takes none for its own. Not while another thread reads the environment.
// Source: sd_listen_fds_with_names(3).
std::vector<inherited_descriptor> take_inherited_descriptors();

}  // namespace bide::detail
