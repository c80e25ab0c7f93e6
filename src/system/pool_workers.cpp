// bide/system: the loop's side of a process pool: its workers and its end.
#include <csignal>
#include <cstdint>
#include <cstring>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "os/bell.hpp"
#include "os/futex.hpp"
#include "os/program_start.hpp"
#include "os/worker_pool.hpp"
#include "system/function_text.hpp"
#include "system/pool_core.hpp"
#include "system/pool_serve.hpp"
#include "system/spawn.hpp"
#include "system/system_services.hpp"

namespace bide::detail {

namespace {

std::size_t worker_count(const pool_settings& settings) {
    const std::size_t count = settings.workers.value_or(worker_pool::usable_processors());
    if (count == 0 || count > most_workers) {
        throw std::invalid_argument("process_pool: " + std::to_string(count) +
                                    " workers; there may be 1 to " + std::to_string(most_workers));
    }
    return count;
}

std::size_t region_size(const pool_settings& settings) {
    return (settings.memory + 4095) / 4096 * 4096 + 4096;
}

// A region for each worker and one for the loop.
std::shared_ptr<shared_arena> make_arena(const pool_settings& settings) {
    const std::size_t regions = worker_count(settings) + 1;
    const std::string option = "process_pool_options::shared_memory(" + std::to_string(settings.memory) +
                               "), once for the loop and for each of " + std::to_string(regions - 1) +
                               " workers";
    constexpr std::size_t most = PTRDIFF_MAX - region_begin(0, 0);
    if (settings.memory > most / regions - 2 * 4096)
        throw std::invalid_argument("process_pool: " + option + ", is more than there are addresses");
    const std::size_t size = region_begin(regions, region_size(settings));
    try {
        return std::make_shared<shared_arena>(sys::shared_segment(size));
    } catch (const std::system_error& error) {
        throw std::system_error(error.code(), "process_pool: " + std::to_string(size) +
                                                  " bytes of shared memory (" + option + ")");
    }
}

std::string name_of_signal(int number) {
    const char* const name = ::sigabbrev_np(number);
    return "signal " + std::to_string(number) + (name == nullptr ? "" : std::string(" (SIG") + name + ")");
}

}  // namespace

pool_core::pool_core(loop_core& loop, const pool_settings& settings)
    : loop_guest(loop_closes),
      loop_(&loop),
      settings_(settings),
      arena_(make_arena(settings)),
      segment_(arena_->segment),
      bell_(sys::make_bell()),
      workers_(worker_count(settings)),
      slots_(slot_count) {
    auto* const shared = ::new (static_cast<void*>(segment_.data())) pool_board;
    shared->region_size = region_size(settings);
    shared->workers = static_cast<std::uint32_t>(workers_.size());
    shared->max_tasks = static_cast<std::uint32_t>(settings.max_tasks);
    // A worker that waits for the next call a little before it sleeps saves the loop the waking; not where it would take
    // the processor from the one who is to submit that call.
    shared->spins = worker_pool::usable_processors() > workers_.size() ? 2000 : 0;
    blocks_ =
        std::make_unique<pool_blocks>(segment_, region_begin(0, shared->region_size), shared->region_size);
    free_.reserve(slot_count);
    for (std::uint32_t i = slot_count; i != 0; --i) free_.push_back(i - 1);
    for (std::uint32_t i = 0; i < workers_.size(); ++i) {
        workers_[i].pool = this;
        workers_[i].number = i;
    }
    shared->has_initializer = settings.initializer != nullptr;
    if (settings.initializer != nullptr) {
        shared->initializer = target_of(*settings.initializer);
        const std::string& bytes = settings.initializer_bytes;
        shared->initializer_bytes = {bytes.size(), blocks_->allocate(bytes.size(), false)};
        if (shared->initializer_bytes.block == 0)
            throw std::length_error(
                "process_pool: the initializer's arguments do not fit into the shared memory");
        std::memcpy(segment_.data() + shared->initializer_bytes.block, bytes.data(), bytes.size());
    }
    node_.ops = &bell_table;
    node_.pool = this;
    insert_before(loop.guests);
}

pool_core::~pool_core() {
    unlink();
    if (loop_ != nullptr && is_ours()) loop_->os->forget(bell_.get());
}

// --- workers ---

bool pool_core::wants_worker() const noexcept {
    return running_ < workers_.size() && occupied_ + queued_ >= running_;
}

void pool_core::start_worker() {
    pool_worker* place = nullptr;
    for (pool_worker& each : workers_) {
        if (!each.child) {
            place = &each;
            break;
        }
    }
    worker_record* const record = ::new (static_cast<void*>(&board().records[place->number])) worker_record;
    static_cast<void>(record);
    child_settings settings;
    settings.executable = "/proc/self/exe";
    settings.streams[0].from = stream_source::null_device;
    settings.environment.emplace_back(worker_variable, std::to_string(place->number) + " " +
                                                           std::to_string(sys::own_process()));
    settings.descriptors = {{segment_.fd(), worker_segment_fd}, {bell_.get(), worker_bell_fd}};
    const std::vector<std::string> arguments{sys::program_name()};
    place->child = start_child("process_pool", arguments, settings);
    place->child->watcher = place;
    ++running_;
    retain();  // the worker's, until it has ended
    if (!listens_) listen();
}

void pool_core::start_wanted_workers() noexcept {
    try {
        while (takes_calls() || pending_ != 0) {
            if (broken_ || running_ >= workers_.size() || occupied_ + queued_ <= running_) return;
            start_worker();
        }
    } catch (const std::exception& error) {
        if (running_ == 0 && occupied_ + queued_ != 0)
            end(SIGKILL, std::string("no worker process can be started: ") + error.what(), true);
    }
}

void pool_worker::child_ended(int code) { pool->worker_ended(*this, code); }

void pool_core::worker_ended(pool_worker& worker, int code) {
    if (!is_ours()) return;
    const child_ref child = std::exchange(worker.child, child_ref(nullptr));
    --running_;
    // What it had done before. A bell that it may have had in hand need not ring any more: one that retires has rung, one
    // that is killed for its call stands still in it, and every other death breaks the pool.
    collect();
    if (!broken_) {
        worker_record& record = board().records[worker.number];
        const worker_phase phase = record.phase.load(std::memory_order_acquire);
        const std::uint32_t killed = std::exchange(worker.killed_slot, no_slot);
        if (killed != no_slot) {
            free_slot(killed);
        } else if (phase == worker_phase::initializer_failed) {
            end(SIGKILL, "the initializer of a worker threw " + std::string(record.text, record.text_size),
                true);
        } else if (phase != worker_phase::retired || code != 0) {
            end(SIGKILL, obituary(worker, code), true);
        }
    }
    refill();
    start_wanted_workers();
    end_if_done();
    release();
}

std::string pool_core::obituary(const pool_worker& worker, int code) const {
    std::string text = code < 0 ? "a worker process was killed by " + name_of_signal(-code)
                                : "a worker process ended with exit code " + std::to_string(code);
    const worker_phase phase = board().records[worker.number].phase.load(std::memory_order_acquire);
    if (phase == worker_phase::initializing) return text + " while it ran the pool's initializer";
    if (phase == worker_phase::starting) {
        return text +
               " before it was ready; it is this program, started again (/proc/self/exe), so see what the "
               "program does before main, and docs/reference/process_pool.md";
    }
    for (std::uint32_t i = 0; i < slot_count; ++i) {
        const call_slot& slot = board().slots[i];
        if (slot.worker != worker.number || slot.state.load(std::memory_order_acquire) != slot_state::running)
            continue;
        if (slots_[i].function != nullptr) text += " while it ran " + short_name(*slots_[i].function);
        break;
    }
    return text;
}

std::vector<int> pool_core::pids() const {
    std::vector<int> all;
    for (const pool_worker& each : workers_) {
        if (each.child) all.push_back(each.child->pid());
    }
    return all;
}

// --- the end ---

void pool_core::close() noexcept {
    open_ = false;
    end_if_done();
}

void pool_core::end_if_done() noexcept {
    if (!is_ours() || (open_ && !broken_)) return;
    if (pending_ == 0 && running_ != 0) {
        board().closing.store(1, std::memory_order_seq_cst);
        ipc_step();
        for (const pool_worker& each : workers_) {
            sleeper& bed = board().records[each.number].bed;
            if (bed.rouse()) sys::futex_wake_one(bed.asleep);
        }
    }
    if (running_ != 0 || pending_ != 0) return;
    if (!ended.is_set()) ended.set();
    if (listens_ && loop_ != nullptr) loop_->os->cancel(node_);
}

void pool_core::end(int signal, const std::string& why, bool unexpected) noexcept {
    if (!is_ours()) return;
    if (!broken_) broken_ = std::make_exception_ptr(broken_process_pool("process_pool: " + why));
    for (const pool_worker& each : workers_) {
        if (each.child) each.child->signal(signal);
    }
    fail_all(broken_, unexpected);
    end_if_done();
}

void pool_core::drop() noexcept {
    dropped_ = true;
    if (is_ours() && loop_ != nullptr && (running_ != 0 || pending_ != 0))
        end(SIGKILL, "the pool was destroyed");
    if (is_ours() && loop_ != nullptr) close();
    release();
}

// The children are killed and reaped by the loop.
void pool_core::loop_closes(loop_guest& guest) noexcept {
    auto& self = static_cast<pool_core&>(guest);
    self.retain();
    self.broken_ = std::make_exception_ptr(broken_process_pool("process_pool: its event loop is closed"));
    if (self.pending_ != 0) --self.loop_->pending_external;
    if (self.listens_) self.loop_->os->cancel(self.node_);
    self.loop_ = nullptr;
    self.fail_all(self.broken_, false);
    for (pool_worker& each : self.workers_) {
        if (!each.child) continue;
        each.child->watcher = nullptr;
        each.child->drop();
        each.child = child_ref(nullptr);
        --self.running_;
        self.release();
    }
    self.release();
}

}  // namespace bide::detail
