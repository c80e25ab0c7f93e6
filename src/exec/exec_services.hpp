// bide/exec: what a loop keeps for this layer: the parcels under way and the default executor.
#pragma once

#include <bide/detail/exec/parcel.hpp>

#include <memory>
#include <vector>

#include "loop/loop_core.hpp"
#include "os/worker_pool.hpp"

namespace bide::detail {

class exec_services {
public:
    explicit exec_services(loop_core& loop) noexcept : loop_(loop) {}
    ~exec_services();
    exec_services(const exec_services&) = delete;
    exec_services& operator=(const exec_services&) = delete;

    // The pool of run_in_executor(nullptr, ...) and to_thread(), made at its first use.
    // Throws invalid_state_error once it was shut down.
    const std::shared_ptr<worker_pool>& default_pool();
    void set_default_pool(std::shared_ptr<worker_pool> pool);
    // From now on default_pool() throws. Gives every pool that was the default one, the last first.
    std::vector<std::shared_ptr<worker_pool>> retire();

private:
    loop_core& loop_;
    std::shared_ptr<worker_pool> default_;
    std::vector<std::shared_ptr<worker_pool>> former_;  // calls may still wait in them
    bool retired_ = false;
    bool registered_ = false;

public:
    ring_link parcels;
};

// Loop thread. Throws invalid_state_error when the loop is closed.
exec_services& exec_services_of(loop_state& loop);

}  // namespace bide::detail
