// bide/exec: what a loop keeps for this layer, and parcels on their way to it.
#include "exec/exec_services.hpp"

#include <bide/error.hpp>
#include <bide/executor.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/core_services.hpp"

namespace bide::detail {

namespace {

constexpr std::size_t most_default_threads = 32;
constexpr std::chrono::seconds join_limit{300};  // asyncio's, too

}  // namespace

// The door is closed and the inbox empty, so what is still in the list has not been sent and never will be.
exec_services::~exec_services() {
    while (parcels.after != &parcels) parcel::of(*parcels.after).give_up();
    // As asyncio's close() does: jobs that run, and those that are queued, go on; nobody waits for them.
    if (default_ != nullptr) default_->abandon();
    for (const auto& each : former_) each->abandon();
}

const std::shared_ptr<worker_pool>& exec_services::default_pool() {
    if (retired_) {
        throw invalid_state_error(
            "the default executor of this loop was shut down; give run_in_executor() a pool");
    }
    if (default_ == nullptr) {
        set_default_pool(std::make_shared<worker_pool>(
            std::min(most_default_threads, worker_pool::usable_processors() + 4), "bide"));
    }
    return default_;
}

void exec_services::set_default_pool(std::shared_ptr<worker_pool> pool) {
    if (retired_)
        throw invalid_state_error("set_default_executor: the default executor of this loop was shut down");
    if (!registered_) {
        services_of(*loop_.loop).at_shutdown.emplace_back([] {
            return shutdown_default_executor(join_limit);
        });
        registered_ = true;
    }
    if (default_ != nullptr) former_.push_back(std::move(default_));
    default_ = std::move(pool);
}

std::vector<std::shared_ptr<worker_pool>> exec_services::retire() {
    retired_ = true;
    std::vector<std::shared_ptr<worker_pool>> all;
    if (default_ != nullptr) all.push_back(default_);
    all.insert(all.end(), former_.rbegin(), former_.rend());
    return all;
}

exec_services& exec_services_of(loop_state& loop) {
    auto& core = static_cast<loop_core&>(loop);
    if (core.executor_slot == nullptr) {
        if (core.closed) throw invalid_state_error("the event loop is closed; it waits for no other thread");
        core.executor_slot = std::make_shared<exec_services>(core);
    }
    return *static_cast<exec_services*>(core.executor_slot.get());
}

const ready_ops parcel::table{run, discard};

parcel::~parcel() = default;

parcel& parcel::of(ring_link& link) noexcept { return *static_cast<listed&>(link).owner; }

void parcel::announce(loop_state& loop) {
    exec_services& services = exec_services_of(loop);
    loop_ = &loop;
    door_ = static_cast<loop_core&>(loop).door;
    link_.owner = this;
    link_.insert_before(services.parcels);
    ++loop.pending_external;
}

void parcel::leave_list() noexcept {
    link_.unlink();
    --loop_->pending_external;
}

void parcel::send() noexcept {
    // The door must outlive the visit, and the parcel may be gone before that ends.
    const std::shared_ptr<loop_door> door = door_;
    if (door->post(*this)) return;
    if (shares_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void parcel::run(ready_node& node) {
    auto& self = static_cast<parcel&>(node);
    self.leave_list();
    const std::unique_ptr<parcel, void (*)(parcel*)> end(&self, [](parcel* it) { delete it; });
    self.arrive();
}

void parcel::discard(ready_node& node) noexcept {
    auto& self = static_cast<parcel&>(node);
    self.leave_list();
    self.abandon();
    delete &self;
}

void parcel::give_up() noexcept {
    leave_list();
    abandon();
    if (shares_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void parcel::recall() noexcept {
    leave_list();
    delete this;
}

}  // namespace bide::detail
