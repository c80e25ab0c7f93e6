// bide/system: the loop's side of a process pool: calls and their results.
#include "system/pool_core.hpp"

#include <bide/detail/os/ops.hpp>

#include <cstring>
#include <utility>

#include "os/bell.hpp"
#include "os/futex.hpp"
#include "system/function_text.hpp"
#include "system/remote_exception.hpp"

namespace bide::detail {

namespace {

// Arguments that were packed before.
struct kept_arguments : argument_source {
    explicit kept_arguments(const std::string& packed)
        : argument_source{packed.size(), copy}, bytes(&packed) {}
    static void copy(const argument_source& self, std::byte* at) {
        const std::string& from = *static_cast<const kept_arguments&>(self).bytes;
        std::memcpy(at, from.data(), from.size());
    }
    const std::string* bytes;
};

}  // namespace

// --- from the program to the workers ---

void pool_core::check_process(const char* call) const {
    if (is_ours()) return;
    throw invalid_state_error(
        std::string("process_pool.") + call +
        ": the pool belongs to the process that this one was forked from; make another one");
}

void pool_core::prepare(const char* call) {
    check_process(call);
    if (this_loop != loop_) {
        throw invalid_state_error(std::string("process_pool.") + call +
                                  ": the pool belongs to another loop than the one that runs in this thread");
    }
    if (broken_) std::rethrow_exception(broken_);
    if (!open_) throw invalid_state_error(std::string("process_pool.") + call + ": the pool is closed");
    if (pending_ >= settings_.max_pending) throw process_pool_full(settings_.max_pending);
    if (wants_worker()) {
        try {
            start_worker();
        } catch (...) {
            if (running_ == 0) throw;  // with fewer it goes slower
        }
    }
}

void pool_core::place(process_call& call, const process_function& function, const argument_source& from) {
    call.function = &function;
    if (queued_ != 0 || free_.empty() || !put(call, from)) {
        call.kept.resize(from.size);
        write(call, from, reinterpret_cast<std::byte*>(call.kept.data()));
        call.insert_before(queue_);
        ++queued_;
    }
    call.pool = this;
    bide::detail::retain(*call.target);
    if (pending_++ == 0) ++loop_->pending_external;
}

// False when there is no memory for the arguments before other calls have ended.
bool pool_core::put(process_call& call, const argument_source& from) {
    const std::uint32_t number = free_.back();
    if (!fill(number, call, from)) {
        if (occupied_ != 0) return false;
        throw std::length_error(std::to_string(from.size) +
                                " bytes, more than the pool has (process_pool_options::shared_memory)");
    }
    free_.pop_back();
    slots_[number] = {&call, call.discard, call.function, std::move(call.blocks)};
    call.slot = number + 1;
    ++occupied_;
    board().slots[number].state.store(slot_state::ready, std::memory_order_release);
    ipc_step();
    board().ring.put(number);
    wake_one();
    return true;
}

bool pool_core::fill(std::uint32_t number, process_call& call, const argument_source& from) {
    call_slot& slot = board().slots[number];
    slot.target = target_of(*call.function);
    ipc_step();
    slot.bytes = {from.size, 0};
    ipc_step();
    std::byte* at = slot.room;
    if (from.size > call_slot::inline_size) {
        slot.bytes.block = blocks_->allocate(from.size, false);
        ipc_step();
        if (slot.bytes.block == 0) return false;
        at = segment_.data() + slot.bytes.block;
    }
    try {
        write(call, from, at);
    } catch (...) {
        if (slot.bytes.block != 0) pool_blocks::release(segment_, slot.bytes.block);
        throw;
    }
    return true;
}

void pool_core::write(process_call& call, const argument_source& from, std::byte* at) {
    block_traffic traffic{.arena = arena_, .sent = &call.blocks};
    const block_traffic_scope scope(traffic);
    try {
        from.write(from, at);
    } catch (...) {
        give_back(call.blocks);
        throw;
    }
}

// The blocks that a call has had among its arguments.
void pool_core::give_back(std::vector<std::uint64_t>& blocks) const noexcept {
    if (is_ours()) {
        for (const std::uint64_t each : blocks) pool_blocks::release(segment_, each);
    }
    blocks.clear();
}

shared_bytes pool_core::allocate(std::size_t size) {
    check_process("allocate");
    auto hold = std::make_shared<block_hold>(arena_);
    const std::uint64_t block = blocks_->allocate(size, false);
    if (block == 0) {
        throw std::length_error("process_pool.allocate: " + std::to_string(size) +
                                " bytes, more than is left (process_pool_options::shared_memory)");
    }
    hold->take_over(block);
    return {std::move(hold), {block, size}};
}

call_target pool_core::target_of(const process_function& function) {
    if (last_function_ == &function) return last_target_;
    auto [found, is_new] = targets_.try_emplace(&function);
    if (is_new) {
        found->second.hash = function.hash;
        sys::place_of(&function, found->second.place);
    }
    last_function_ = &function;
    last_target_ = found->second;
    return last_target_;
}

// The lowest number first: that one was awake last.
void pool_core::wake_one() noexcept {
    for (const pool_worker& each : workers_) {
        sleeper& bed = board().records[each.number].bed;
        if (bed.rouse()) return sys::futex_wake_one(bed.asleep);
    }
}

// --- from the workers to the program ---

void pool_core::listen() noexcept {
    listens_ = true;
    operation_ = op_request{
        .kind = &bell_op, .args = {.fd = bell_.get(), .data = &board().listening}, .drained = true};
    node_.request = &operation_;
    retain();
    board().listening.store(1, std::memory_order_seq_cst);
    ipc_step();
    loop_->submit(node_);
}

void pool_core::heard(ready_node& node) {
    pool_core& self = *static_cast<bell_node&>(node).pool;
    self.listens_ = false;
    if (self.is_ours() && self.loop_ != nullptr && (self.running_ != 0 || !self.ended.is_set())) {
        self.listen();  // before it looks: what comes from now on rings again
        self.collect();
    }
    self.release();
}

void pool_core::unheard(ready_node& node) noexcept { static_cast<bell_node&>(node).pool->release(); }

void pool_core::collect() noexcept {
    pool_board& shared = board();
    if (shared.done.empty()) return;
    shared.done.take_all([&](std::uint32_t slot) -> std::uint32_t& { return shared.slots[slot].next; },
                         [&](std::uint32_t slot) { finish(slot); });
    refill();
    end_if_done();
}

std::string_view pool_core::bytes_of(const call_slot& slot) const noexcept {
    const std::byte* const at = slot.bytes.block == 0 ? slot.room : segment_.data() + slot.bytes.block;
    return {reinterpret_cast<const char*>(at), slot.bytes.size};
}

void pool_core::finish(std::uint32_t number) noexcept {
    call_slot& slot = board().slots[number];
    process_call* const call = slots_[number].call;
    block_traffic traffic{.arena = arena_};
    const block_traffic_scope scope(traffic);
    if (slot.state.load(std::memory_order_acquire) == slot_state::done) {
        const std::string_view bytes = bytes_of(slot);
        if (call != nullptr) {
            deliver(*call, slot, bytes);
        } else if (slot.end == call_end::value) {
            try {
                slots_[number].discard(bytes);
            } catch (...) {  // nobody wants to know
            }
        }
    }
    free_slot(number);
}

void pool_core::deliver(process_call& call, const call_slot& slot, std::string_view bytes) noexcept {
    future_core& target = *call.target;
    try {
        if (slot.end == call_end::value) {
            call.deliver(bytes);
        } else {
            set_failure(target, unpack_exception(bytes));
        }
    } catch (...) {
        if (!target.has(flag::done)) set_failure(target, std::current_exception());
    }
    leave(call);
}

void pool_core::free_slot(std::uint32_t number) noexcept {
    call_slot& slot = board().slots[number];
    if (slot.bytes.block != 0) pool_blocks::release(segment_, std::exchange(slot.bytes.block, 0));
    slot.state.store(slot_state::idle, std::memory_order_relaxed);
    ipc_step();
    give_back(slots_[number].blocks);
    slots_[number] = {};
    free_.push_back(number);
    --occupied_;
}

// The call is over: it leaves the pool, and the pool's reference goes.
void pool_core::leave(process_call& call) noexcept {
    call.pool = nullptr;
    call.slot = 0;
    give_back(call.blocks);
    if (--pending_ == 0 && loop_ != nullptr) --loop_->pending_external;
    bide::detail::release(*call.target);
}

void pool_core::refill() noexcept {
    while (queued_ != 0 && !free_.empty()) {
        auto& call = static_cast<process_call&>(*queue_.after);
        try {
            if (!put(call, kept_arguments(call.kept))) return;
        } catch (...) {
            set_failure(*call.target, std::current_exception());
            call.unlink();
            --queued_;
            leave(call);
            continue;
        }
        call.unlink();
        --queued_;
        call.kept = std::string();
    }
}

// In a forked child only the copy of the call goes: the slot is the parent's.
void pool_core::withdraw(process_call& call) noexcept {
    if (call.pool == nullptr) return;
    if (call.slot == 0) {
        call.unlink();
        --queued_;
    } else {
        const std::uint32_t number = call.slot - 1;
        slots_[number].call = nullptr;
        if (is_ours()) take_back(number);
    }
    leave(call);
    end_if_done();
}

void pool_core::take_back(std::uint32_t number) noexcept {
    call_slot& slot = board().slots[number];
    slot_state expected = slot_state::ready;
    const bool taken_back =
        slot.state.compare_exchange_strong(expected, slot_state::withdrawn, std::memory_order_acq_rel);
    ipc_step();
    if (taken_back || !settings_.kills_on_cancel || expected != slot_state::running) return;
    if (!slot.state.compare_exchange_strong(expected, slot_state::killing, std::memory_order_acq_rel)) return;
    ipc_step();
    pool_worker& worker = workers_[slot.worker];
    worker.killed_slot = number;
    if (worker.child) worker.child->signal(9);
}

// What nobody looks at is reported once for all, and not at all where the program has ended the pool.
void pool_core::fail_all(const std::exception_ptr& why, bool unexpected) noexcept {
    const auto fail = [&](process_call& call) noexcept {
        if (!std::exchange(unexpected, false)) call.target->set(flag::quiet);
        if (loop_ != nullptr && !call.target->has(flag::done)) set_failure(*call.target, why);
        leave(call);
    };
    while (queue_.after != &queue_) {
        auto& call = static_cast<process_call&>(*queue_.after);
        call.unlink();
        --queued_;
        fail(call);
    }
    for (occupant& each : slots_) {
        if (process_call* const call = std::exchange(each.call, nullptr)) fail(*call);
    }
}

// --- what the templates call ---

void retain_pool(pool_core& pool) noexcept { pool.retain(); }
void release_pool(pool_core& pool) noexcept { pool.release(); }
void drop_pool(pool_core& pool) noexcept { pool.drop(); }
bool is_dropped(const pool_core& pool) noexcept { return pool.is_dropped(); }
void withdraw_call(process_call& call) noexcept {
    if (call.pool != nullptr) call.pool->withdraw(call);
}
void prepare_call(pool_core& pool, const char* call) { pool.prepare(call); }
void place_call(pool_core& pool, process_call& call, const process_function& function,
                const argument_source& from) {
    pool.place(call, function, from);
}
loop_state& loop_of_pool(const pool_core& pool) noexcept { return pool.loop(); }

void fail_to_pack(process_call& call, const process_function& function) {
    std::string text = "process_pool: the arguments of " + short_name(function) +
                       " cannot be packed: " + describe_exception(std::current_exception());
    set_failure(*call.target, std::make_exception_ptr(std::invalid_argument(text)));
}

std::int64_t loop_time() { return get_running_loop().time().time_since_epoch().count(); }

}  // namespace bide::detail
