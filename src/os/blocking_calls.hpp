// bide/os: operations without a readiness form, each performed by a worker thread.
#pragma once

#include <bide/detail/base/ready_queue.hpp>
#include <bide/detail/os/op.hpp>

#include <atomic>
#include <cstdint>
#include <memory>

#include "os/wakeup.hpp"

namespace bide::detail {

class blocking_calls {
public:
    explicit blocking_calls(wakeup& wake) noexcept;
    ~blocking_calls();  // waits for the calls still running, but not in the child of a fork: they run in the parent

    void start(timer_node& node) noexcept;
    // Appends what has finished since the last call; returns how many.
    std::uint32_t collect(ready_queue& done) noexcept;

private:
    struct call;
    struct arrivals;
    wakeup& wake_;
    std::shared_ptr<arrivals> arrivals_;
    std::uint32_t running_ = 0;
    const std::uint32_t made_in_;
};

}  // namespace bide::detail
