// bide/net: the two ends of a pipe, each a stream in one direction.
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/stream_core.hpp"
#include "os/pipe.hpp"

namespace bide::detail {

// How a descriptor may be used. `shared`: it is not in O_NONBLOCK mode, so each call waits for readiness first and asks
// for no more than can then be done without blocking. Sockets need no such mode: each call says that it must not wait.
class pipe_end {
public:
    pipe_end(int f, sys::stream_kind k, bool s, bool o) noexcept : fd(f), kind(k), shared(s), owned(o) {}

    int fd;
    sys::stream_kind kind;
    bool shared;
    bool owned;
};

stream_core* make_pipe_reader(loop_state& loop, pipe_end end);
stream_core* make_pipe_writer(loop_state& loop, pipe_end end);

}  // namespace bide::detail
