// bide/system: process_semaphore, a number of places that the tasks of several processes take and give back.
#include <bide/process_semaphore.hpp>

#include <bide/error.hpp>

#include <stdexcept>

#include "system/process_gate.hpp"

namespace bide {

namespace {

using detail::block_open;
using detail::process_gate;

constexpr const char* what = "process_semaphore";
constexpr std::ptrdiff_t most_places = 4096;

constinit const detail::wait_kind acquiring{"process_semaphore.acquire", process_gate::cancel,
                                            process_gate::detach};

detail::gate_kind kind(std::size_t places) noexcept {
    detail::gate_kind made;
    made.shape.what = what;
    made.shape.kind = 2;
    made.shape.numbers[0] = places;
    made.shape.body = places * sizeof(detail::shared_word);
    made.shape.fill = process_gate::fill;
    made.shape.take_back = process_gate::free_places_of;
    made.waiting = &acquiring;
    return made;
}

std::unique_ptr<process_gate> make_gate(std::string name, std::ptrdiff_t places, block_open how) {
    const std::string label = detail::block_label(what, name);
    if (places < 1 || places > most_places)
        throw std::invalid_argument(label + ": the number of places is " + std::to_string(places) +
                                    "; it must be from 1 to " + std::to_string(most_places));
    auto gate = std::make_unique<process_gate>(kind(static_cast<std::size_t>(places)), std::move(name), how);
    if (gate->places() != static_cast<std::size_t>(places))
        throw std::invalid_argument(label + ": it exists and has " + std::to_string(gate->places()) +
                                    " places, not " + std::to_string(places));
    return gate;
}

std::unique_ptr<process_gate> open_gate(std::string name, std::ptrdiff_t places, block_open how) {
    detail::check_block_name(what, name);
    return make_gate(std::move(name), places, how);
}

}  // namespace

process_semaphore::process_semaphore(std::unique_ptr<process_gate> gate) noexcept : gate_(std::move(gate)) {}
process_semaphore::process_semaphore(std::ptrdiff_t places)
    : process_semaphore(make_gate(std::string(), places, block_open::create)) {}
process_semaphore::process_semaphore(std::string name, std::ptrdiff_t places)
    : process_semaphore(open_gate(std::move(name), places, block_open::either)) {}
process_semaphore::~process_semaphore() = default;

process_semaphore process_semaphore::create(std::string name, std::ptrdiff_t places) {
    return process_semaphore(open_gate(std::move(name), places, block_open::create));
}
process_semaphore process_semaphore::open(std::string name) {
    detail::check_block_name(what, name);
    return process_semaphore(std::make_unique<process_gate>(kind(1), std::move(name), block_open::existing));
}
process_semaphore process_semaphore::adopt(int fd) {
    return process_semaphore(std::make_unique<process_gate>(kind(1), fd));
}

void process_semaphore::release() {
    if (!gate_->holds_any())
        throw invalid_state_error("release of " + gate_->block().label() + ": this handle has no place");
    gate_->release();
}

void process_semaphore::give_back() noexcept {
    if (gate_->holds_any()) gate_->give_back();
}

std::size_t process_semaphore::value() const noexcept { return gate_->free_places(); }
std::size_t process_semaphore::places() const noexcept { return gate_->places(); }
bool process_semaphore::locked() const noexcept { return gate_->would_wait(); }

const std::string& process_semaphore::name() const noexcept { return gate_->block().name(); }
int process_semaphore::fileno() const noexcept { return gate_->block().fd(); }

void process_semaphore::unlink() {
    if (name().empty()) throw invalid_state_error("process_semaphore.unlink: this semaphore has no name");
    unlink(name());
}

void process_semaphore::unlink(std::string_view name) {
    detail::check_block_name(what, name);
    detail::unlink_block(detail::ipc_block::system_name(what, std::string(name)),
                         detail::block_label(what, name));
}

detail::process_semaphore_awaiter::process_semaphore_awaiter(process_semaphore& owner) noexcept
    : gate_awaiter(*owner.gate_), owner_(&owner) {}

}  // namespace bide
