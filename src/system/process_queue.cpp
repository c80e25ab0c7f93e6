// bide/system: the operations of a process_queue, in terms of bytes.
#include <bide/detail/system/process_queue_core.hpp>

#include <bide/error.hpp>
#include <bide/sleep.hpp>

#include <chrono>
#include <stdexcept>
#include <system_error>

#include "system/process_queue_core.hpp"

namespace bide::detail {

namespace {

using namespace std::chrono_literals;

block_open how_to_open(queue_open how) noexcept {
    switch (how) {
        case queue_open::either: return block_open::either;
        case queue_open::create: return block_open::create;
        case queue_open::existing: break;
    }
    return block_open::existing;
}

process_queue_core* open_core(std::string name, std::size_t maxsize, std::size_t capacity, queue_open how) {
    const std::string label = block_label("process_queue", name);
    if (capacity < 64 || capacity > (std::size_t{1} << 40))
        throw std::invalid_argument(label + ": a capacity of " + std::to_string(capacity) +
                                    " bytes; it must be from 64 to 2^40");
    return new process_queue_core(std::move(name), maxsize, capacity, how_to_open(how));
}

[[noreturn]] void throw_stopped(process_queue_core& core) {
    throw std::system_error(std::make_error_code(std::errc::timed_out),
                            core.block().label() + ": another process has stopped in the middle of an item");
}

coro<void> put_bytes(process_queue_core& core, std::string bytes) {
    bool waited = false;
    for (;;) {
        try {
            queue_step step = core.put(bytes, waited, false);
            while (step == queue_step::busy) {
                co_await sleep(1ms);
                step = core.put(bytes, waited, false);
            }
            if (step == queue_step::done) co_return;
            if (step == queue_step::shut_down) throw queue_shut_down();
        } catch (...) {
            if (waited) core.changed(putters);  // the room that it was woken for is the next one's
            throw;
        }
        co_await queue_turn(core, putters, bytes.size(), waited);
        waited = true;
    }
}

coro<std::string> get_bytes(process_queue_core& core) {
    std::string bytes;
    bool waited = false;
    for (;;) {
        try {
            queue_step step = core.take(bytes, waited, false);
            while (step == queue_step::busy) {
                co_await sleep(1ms);
                step = core.take(bytes, waited, false);
            }
            if (step == queue_step::done) co_return bytes;
            if (step == queue_step::shut_down) throw queue_shut_down();
        } catch (...) {
            if (waited) core.changed(getters);  // the item that it was woken for is the next one's
            throw;
        }
        co_await queue_turn(core, getters, 0, waited);
        waited = true;
    }
}

}  // namespace

void process_queue_closer::operator()(process_queue_core* core) const noexcept { delete core; }

process_queue_handle::process_queue_handle(std::string name, std::size_t maxsize, std::size_t capacity,
                                           queue_open how)
    : core_(open_core(std::move(name), maxsize, capacity, how)) {}
process_queue_handle::process_queue_handle(int fd) : core_(new process_queue_core(fd)) {}

coro<void> process_queue_handle::put(std::string bytes) const { return put_bytes(*core_, std::move(bytes)); }
coro<std::string> process_queue_handle::get() const { return get_bytes(*core_); }

void process_queue_handle::put_nowait(std::string_view bytes) const {
    if (try_put(bytes)) return;
    throw queue_full();
}

bool process_queue_handle::try_put(std::string_view bytes) const {
    switch (core_->put(bytes, false, true)) {
        case queue_step::done: return true;
        case queue_step::no: return false;
        case queue_step::shut_down: throw queue_shut_down();
        case queue_step::busy: break;
    }
    throw_stopped(*core_);
}

bool process_queue_handle::try_get(std::string& bytes) const {
    switch (core_->take(bytes, false, true)) {
        case queue_step::done: return true;
        case queue_step::no: return false;
        case queue_step::shut_down: throw queue_shut_down();
        case queue_step::busy: break;
    }
    throw_stopped(*core_);
}

void process_queue_handle::shut_down(bool drop_items) const { core_->shut_down(drop_items); }

std::size_t process_queue_handle::count() const noexcept { return core_->ring().count(); }
bool process_queue_handle::full() const noexcept { return !core_->ring().fits(0); }
std::size_t process_queue_handle::maxsize() const noexcept { return core_->ring().most(); }
std::size_t process_queue_handle::capacity() const noexcept { return core_->ring().capacity(); }
const std::string& process_queue_handle::name() const noexcept { return core_->block().name(); }
int process_queue_handle::fileno() const noexcept { return core_->block().fd(); }
void process_queue_handle::unlink(std::string_view name) { process_queue_core::unlink(name); }
void process_queue_handle::check_name(std::string_view name) { check_block_name("process_queue", name); }

}  // namespace bide::detail
