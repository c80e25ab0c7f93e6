// bide/system: process_lock, mutual exclusion between processes.
#include <bide/process_lock.hpp>

#include <bide/error.hpp>

#include "system/process_gate.hpp"

namespace bide {

owner_died_error::owner_died_error(const std::string& what, int pid) : std::runtime_error(what), pid_(pid) {}
owner_died_error::~owner_died_error() = default;

namespace {

using detail::block_open;
using detail::process_gate;

constexpr const char* what = "process_lock";

constinit const detail::wait_kind acquiring{"process_lock.acquire", process_gate::cancel,
                                            process_gate::detach};

detail::gate_kind kind() noexcept {
    detail::gate_kind made;
    made.shape.what = what;
    made.shape.kind = 1;
    made.shape.numbers[0] = 1;
    made.shape.body = sizeof(detail::shared_word);
    made.shape.fill = process_gate::fill;
    made.shape.take_back = process_gate::abandon_places_of;
    made.waiting = &acquiring;
    return made;
}

std::unique_ptr<process_gate> open_gate(std::string name, block_open how) {
    detail::check_block_name(what, name);
    return std::make_unique<process_gate>(kind(), std::move(name), how);
}

[[noreturn]] void throw_owner_died(const std::string& label, int pid) {
    throw owner_died_error(
        label + ": process " + std::to_string(pid) +
            ", which held it, has ended; what it protects may be half changed: take it with "
            "recover(), put that right, and release it",
        pid);
}

}  // namespace

process_lock::process_lock(std::unique_ptr<process_gate> gate) noexcept : gate_(std::move(gate)) {}
process_lock::process_lock()
    : process_lock(std::make_unique<process_gate>(kind(), std::string(), block_open::create)) {}
process_lock::process_lock(std::string name) : process_lock(open_gate(std::move(name), block_open::either)) {}
process_lock::~process_lock() = default;

process_lock process_lock::create(std::string name) {
    return process_lock(open_gate(std::move(name), block_open::create));
}
process_lock process_lock::open(std::string name) {
    return process_lock(open_gate(std::move(name), block_open::existing));
}
process_lock process_lock::adopt(int fd) { return process_lock(std::make_unique<process_gate>(kind(), fd)); }

void process_lock::release() {
    if (!gate_->holds_any()) {
        const int holder = gate_->holder();
        const std::string state =
            holder == 0 ? "nobody holds it"
                        : "this handle does not hold it, one of process " + std::to_string(holder) + " does";
        throw invalid_state_error("release of " + gate_->block().label() + ": " + state);
    }
    gate_->release();
}

// The guard of a frame that a closing loop destroys comes here, too.
void process_lock::give_back() noexcept {
    if (gate_->holds_any()) gate_->give_back();
}

bool process_lock::locked() const noexcept { return gate_->would_wait(); }

const std::string& process_lock::name() const noexcept { return gate_->block().name(); }
int process_lock::fileno() const noexcept { return gate_->block().fd(); }

void process_lock::unlink() {
    if (name().empty()) throw invalid_state_error("process_lock.unlink: this lock has no name");
    unlink(name());
}

void process_lock::unlink(std::string_view name) {
    detail::check_block_name(what, name);
    detail::unlink_block(detail::ipc_block::system_name(what, std::string(name)),
                         detail::block_label(what, name));
}

namespace detail {

process_lock_awaiter::process_lock_awaiter(process_lock& owner) noexcept
    : gate_awaiter(*owner.gate_), owner_(&owner) {}
process_lock_recovery::process_lock_recovery(process_lock& owner) noexcept : gate_awaiter(*owner.gate_) {}

void process_lock_awaiter::check_owner() const {
    const int pid = gate_->died_with_it();
    if (pid == 0) return;
    gate_->give_back_unused();
    throw_owner_died(gate_->block().label(), pid);
}

bool process_lock_recovery::is_marked() const noexcept { return gate_->died_with_it() != 0; }

}  // namespace detail
}  // namespace bide
