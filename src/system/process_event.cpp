// bide/system: process_event, a flag that the tasks of several processes wait for.
#include <bide/process_event.hpp>

#include <bide/error.hpp>

#include <new>
#include <stdexcept>
#include <utility>

#include "system/process_flag.hpp"

namespace bide {

namespace detail {

namespace {
constexpr const char* what_it_is = "process_event";
}  // namespace

constinit const wait_kind process_flag::waiting{"process_event.wait", cancel, detach};

ipc_shape process_flag::shape() noexcept {
    ipc_shape made;
    made.what = what_it_is;
    made.kind = 3;
    made.body = sizeof(shared_word);
    made.fill = [](std::byte* body, const ipc_shape&) { ::new (static_cast<void*>(body)) shared_word(0); };
    return made;
}

void process_flag::forget_tasks() noexcept {
    while (!row_.empty()) row_.take_first();
}

void process_flag::set() {
    refresh();
    if (!row_.empty()) row_.check_thread();
    ipc_step();
    std::uint64_t old = word().load();
    while (!word().compare_exchange_weak(old, ((old | flag_bit) + 2))) {}
    ipc_step();
    if (block_.waiting(0) == 0) return;
    block_.ring_all();
    ipc_step();
    look();
}

bool process_flag::begin(process_event_awaiter& what) const noexcept {
    const std::uint64_t now = word().load();
    what.seen_ = now >> 1;
    return (now & flag_bit) != 0;
}

// The oldest wait saw the lowest count, so the first one that must go on waiting ends it.
void process_flag::look() noexcept {
    const std::uint64_t now = word().load();
    while (!row_.empty()) {
        const auto& first = static_cast<process_event_awaiter&>(*row_.first().waiting_on);
        if ((now & flag_bit) == 0 && now >> 1 == first.seen_) return;
        row_.wake_first();
    }
    leave_row();
}

void process_flag::leave_row() noexcept {
    if (hub_ == nullptr) return;
    block_.leave_row(0);
    std::exchange(hub_, nullptr)->remove(*this);
}

void process_flag::loop_closes() noexcept {
    hub_ = nullptr;
    block_.leave_row(0);
}

void process_flag::suspend(process_event_awaiter& what, std::coroutine_handle<> frame) {
    task_base& task = running_task();
    refresh();
    home_.check(task, waiting);
    ipc_hub& hub = running_ipc_hub(waiting.name);
    const std::uint64_t door = hub.prepare();
    what.kind = &waiting;
    row_.add(task);
    begin_wait(task, what, frame);  // a cancellation may end it at once
    if (row_.empty()) return;
    if (hub_ == nullptr) {
        hub_ = &hub;
        peers_known = block_.joined();
        block_.enter_row(0, door);
        hub.add(*this);
    }
    look();
}

cancel_outcome process_flag::cancel(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    detach(what, task);
    return cancel_outcome::withdrawn;
}

void process_flag::detach(wait& what, task_base& task) noexcept {
    if (!task.linked()) return;
    process_flag& flag = *static_cast<process_event_awaiter&>(what).flag_;
    flag.row_.remove(task);
    if (flag.row_.empty()) flag.leave_row();
}

bool process_event_awaiter::await_ready() { return flag_->begin(*this); }
void process_event_awaiter::await_suspend(std::coroutine_handle<> frame) { flag_->suspend(*this, frame); }
void process_event_awaiter::end() { end_wait(running_task()); }

}  // namespace detail

using detail::block_open;
using detail::process_flag;

namespace {

std::unique_ptr<process_flag> open_flag(std::string name, block_open how) {
    detail::check_block_name(detail::what_it_is, name);
    return std::make_unique<process_flag>(std::move(name), how);
}

}  // namespace

process_event::process_event(std::unique_ptr<process_flag> flag) noexcept : flag_(std::move(flag)) {}
process_event::process_event()
    : process_event(std::make_unique<process_flag>(std::string(), block_open::create)) {}
process_event::process_event(std::string name)
    : process_event(open_flag(std::move(name), block_open::either)) {}
process_event::~process_event() = default;

process_event process_event::create(std::string name) {
    return process_event(open_flag(std::move(name), block_open::create));
}
process_event process_event::open(std::string name) {
    return process_event(open_flag(std::move(name), block_open::existing));
}
process_event process_event::adopt(int fd) { return process_event(std::make_unique<process_flag>(fd)); }

void process_event::set() { flag_->set(); }
void process_event::clear() noexcept { flag_->clear(); }
bool process_event::is_set() const noexcept { return flag_->is_set(); }

const std::string& process_event::name() const noexcept { return flag_->block().name(); }
int process_event::fileno() const noexcept { return flag_->block().fd(); }

void process_event::unlink() {
    if (name().empty()) throw invalid_state_error("process_event.unlink: this event has no name");
    unlink(name());
}

void process_event::unlink(std::string_view name) {
    detail::check_block_name(detail::what_it_is, name);
    detail::unlink_block(detail::ipc_block::system_name(detail::what_it_is, std::string(name)),
                         detail::block_label(detail::what_it_is, name));
}

}  // namespace bide
