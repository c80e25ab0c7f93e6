// bide/system: what a worker process does: take a call, run it, give the result back.
#include "system/pool_serve.hpp"

#include <bide/detail/system/process_function.hpp>
#include <bide/detail/system/program_start.hpp>
#include <bide/error.hpp>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "os/bell.hpp"
#include "os/futex.hpp"
#include "os/program_start.hpp"
#include "os/sock.hpp"
#include "system/pool_blocks.hpp"
#include "system/pool_board.hpp"
#include "system/remote_exception.hpp"
#include "system/shared_arena.hpp"

namespace bide::detail {

namespace {

constexpr std::uint32_t look_for_parent_ms = 1000;  // should the kernel's signal at its death have been lost

// The memory that this process was started with, if it is a pool's that has such a worker.
std::shared_ptr<shared_arena> given_arena(std::uint32_t number) {
    auto arena = std::make_shared<shared_arena>(sys::shared_segment(unique_fd(worker_segment_fd)));
    const sys::shared_segment& segment = arena->segment;
    if (segment.size() >= region_begin(0, 0)) {
        const auto& board = *reinterpret_cast<const pool_board*>(segment.data());
        const std::size_t regions = std::size_t{board.workers} + 1;
        if (number < board.workers && board.workers <= most_workers &&
            board.region_size <= (segment.size() - region_begin(0, 0)) / regions)
            return arena;
    }
    throw invalid_state_error("process_pool: this is no memory of a pool");
}

class pool_server final : result_place {
public:
    pool_server(std::uint32_t number, int parent)
        : arena_(given_arena(number)),
          segment_(arena_->segment),
          number_(number),
          parent_(parent),
          blocks_(segment_, region_begin(number_ + 1, board().region_size), board().region_size) {
        static_cast<void>(sys::close_on_exec(worker_segment_fd));
        static_cast<void>(sys::close_on_exec(worker_bell_fd));
        blocks_.recover();
    }

    int serve() {
        if (board().has_initializer && !initialize()) return 1;
        record().phase.store(worker_phase::ready, std::memory_order_release);
        ipc_step();
        for (std::uint32_t calls = 0;;) {
            const std::uint32_t slot = next();
            if (slot == no_slot) break;
            run(slot);
            if (++calls == board().max_tasks) break;
        }
        record().phase.store(worker_phase::retired, std::memory_order_release);
        ipc_step();
        return 0;
    }

private:
    pool_board& board() const noexcept { return *reinterpret_cast<pool_board*>(segment_.data()); }
    worker_record& record() const noexcept { return board().records[number_]; }

    // no_slot when the pool ends.
    std::uint32_t next() noexcept {
        pool_board& shared = board();
        for (;;) {
            std::uint32_t slot = shared.take(number_);
            for (std::uint32_t spin = shared.spins; slot == no_slot && spin != 0; --spin) {
                pause();
                if (shared.ring.has_calls()) slot = shared.take(number_);
            }
            if (slot != no_slot) return slot;
            if (shared.closing.load(std::memory_order_seq_cst) != 0) return no_slot;
            sleep();
        }
    }

    static void pause() noexcept {
#if defined(__x86_64__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    void sleep() noexcept {
        pool_board& shared = board();
        // Slots that were withdrawn may have been all that take() found.
        if (!shared.done.empty()) sys::ring_bell(worker_bell_fd, shared.listening);
        sleeper& bed = record().bed;
        if (!bed.fall_asleep([&] {
                return shared.ring.has_calls() || shared.closing.load(std::memory_order_seq_cst) != 0;
            }))
            return;
        while (bed.sleeps()) {
            sys::futex_wait(bed.asleep, 1, look_for_parent_ms);
            if (!sys::parent_is(parent_)) sys::end_now(1);
        }
    }

    void run(std::uint32_t number) noexcept {
        call_slot& slot = board().slots[number];
        const block_traffic_scope scope(traffic_);
        const payload given = slot.bytes;
        result_ = {};
        call_end end = call_end::value;
        try {
            function_at(slot.target).run(bytes_of(slot, given), *this);
        } catch (...) {
            end = call_end::exception;
            drop_result();
            put_exception();
        }
        end_if_forked();
        slot_state expected = slot_state::running;
        if (!slot.state.compare_exchange_strong(expected, slot_state::finishing, std::memory_order_acq_rel))
            sys::wait_for_the_end();  // this process is being killed for the call
        ipc_step();
        if (given.block != 0) pool_blocks::release(segment_, given.block);
        if (copied_) std::memcpy(slot.room, small_, result_.size);
        ipc_step();
        slot.bytes = result_;
        ipc_step();
        slot.end = end;
        ipc_step();
        if (result_.block != 0) hand_over(result_.block);
        end_of_blocks();
        slot.state.store(slot_state::done, std::memory_order_release);
        ipc_step();
        board().push_done(number);
        sys::ring_bell(worker_bell_fd, board().listening);
        ipc_step();
    }

    // The function has forked and comes back in the child, too: the call is the parent's, and so is all shared memory.
    void end_if_forked() const noexcept {
        if (!arena_->is_ours()) sys::end_now(0);
    }

    // Those in the result become the loop's, and what the call has kept of its arguments this worker's.
    void end_of_blocks() noexcept {
        for (const auto& each : held_.results) {
            pool_blocks::retain(segment_, each->block());
            hand_over(each->block());
        }
        held_.results.clear();
        for (const auto& each : held_.arguments) {
            if (each.use_count() > 1) each->count();
        }
        held_.arguments.clear();
    }

    // A block is this worker's until its call can no longer kill it: then the next worker need not look for it.
    void hand_over(std::uint64_t block) const noexcept {
        pool_blocks::head_of(segment_, block).owned_by_worker = 0;
        ipc_step();
    }

    std::string_view bytes_of(const call_slot& slot, const payload& bytes) const noexcept {
        const std::byte* const at = bytes.block == 0 ? slot.room : segment_.data() + bytes.block;
        return {reinterpret_cast<const char*>(at), bytes.size};
    }

    // The arguments in the slot may be in use while the result is written, so a small result takes a detour.
    std::byte* room(std::size_t size) override {
        end_if_forked();
        result_ = {size, 0};
        copied_ = size <= call_slot::inline_size;
        if (copied_) return small_;
        result_.block = blocks_.allocate(size, true);
        if (result_.block == 0)
            throw std::length_error("process_pool: the result takes " + std::to_string(size) +
                                    " bytes, more than is left (process_pool_options::shared_memory)");
        return segment_.data() + result_.block;
    }

    void drop_result() noexcept {
        held_.results.clear();
        if (result_.block != 0) pool_blocks::release(segment_, result_.block);
        result_ = {};
        copied_ = false;
    }

    // In a catch clause.
    void put_exception() noexcept {
        if (!put_exception_of(SIZE_MAX)) put_exception_of(call_slot::inline_size);
    }
    bool put_exception_of(std::size_t most) noexcept {
        try {
            const std::string bytes = pack_exception(most);
            std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
            return true;
        } catch (...) {  // no memory for its text
            result_ = {};
            copied_ = false;
            return false;
        }
    }

    const process_function& function_at(const call_target& target) {
        const auto key = std::tuple(target.place.module, target.place.offset);
        const process_function*& found = functions_[key];
        if (found == nullptr) {
            const auto* const at =
                static_cast<const process_function*>(sys::address_of(target.place, sizeof(process_function)));
            if (at == nullptr || at->mark != process_function::the_mark || at->hash != target.hash) {
                throw std::runtime_error(
                    "process_pool: the worker has no such function; does it lie in a library that "
                    "was loaded while the program ran?");
            }
            found = at;
        }
        return *found;
    }

    bool initialize() {
        record().phase.store(worker_phase::initializing, std::memory_order_release);
        ipc_step();
        try {
            const payload bytes = board().initializer_bytes;
            no_result ignored;
            const block_traffic_scope scope(traffic_);
            function_at(board().initializer)
                .run({reinterpret_cast<const char*>(segment_.data() + bytes.block), bytes.size}, ignored);
            held_.results.clear();
            return true;
        } catch (...) {
            const std::string text = describe_exception(std::current_exception());
            record().text_size = static_cast<std::uint32_t>(std::min(text.size(), sizeof record().text));
            std::memcpy(record().text, text.data(), record().text_size);
            record().phase.store(worker_phase::initializer_failed, std::memory_order_release);
            return false;
        }
    }

    struct no_result final : result_place {
        std::byte* room(std::size_t size) override {
            bytes.resize(size);
            return reinterpret_cast<std::byte*>(bytes.data());
        }
        std::string bytes;
    };

    const std::shared_ptr<shared_arena> arena_;
    const sys::shared_segment& segment_;
    std::uint32_t number_;
    int parent_;
    pool_blocks blocks_;
    call_blocks held_{blocks_};
    block_traffic traffic_{.arena = arena_, .worker = &held_};
    payload result_;
    bool copied_ = false;
    std::byte small_[call_slot::inline_size];
    std::map<std::tuple<std::uint64_t, std::uint64_t>, const process_function*> functions_;
};

struct worker_order {
    std::uint32_t number;
    int parent;
};

template <class T>
bool take_number(std::string_view& text, T& number) noexcept {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

std::optional<worker_order> order_of_this_process() noexcept {
    const char* const given = std::getenv(worker_variable);
    if (given == nullptr) return std::nullopt;
    std::string_view text = given;
    worker_order order{};
    if (!take_number(text, order.number) || !text.starts_with(' ')) return std::nullopt;
    text.remove_prefix(1);
    if (!take_number(text, order.parent) || !text.empty()) return std::nullopt;
    if (order.number >= most_workers || order.parent <= 0) return std::nullopt;
    return order;
}

bool was_refused =
    false;  // this process was to be a worker, but whoever may do less than it could have said so

worker_order the_order;

int worker_main(int, char**, char**) {
    ::unsetenv(worker_variable);  // not for programs that it starts
    sys::keep_memory();
    try {
        pool_server server(the_order.number, the_order.parent);
        return server.serve();
    } catch (...) { return 1; }
}

}  // namespace

void check_not_unhooked_worker() {
    if (was_refused) {
        throw invalid_state_error(
            "process_pool: this process was started as a worker of a pool, but does not trust its "
            "environment: "
            "the program is set-user-id or has file capabilities; give up those rights in a program that has "
            "process pools (see docs/reference/process_pool.md)");
    }
    if (order_of_this_process()) {
        throw invalid_state_error(
            "process_pool: this process was started as a worker of a pool, but runs main; a "
            "program with process pools must be linked to the C library dynamically, and the "
            "pool must be made by the program itself (see docs/reference/process_pool.md)");
    }
}

int start_program(program_main entry, int argc, char** argv, void (*init)(), void (*fini)(),
                  void (*loader_fini)(), void* stack_end) {
    const sys::start_function start = sys::library_start();
    if (start == nullptr) std::abort();
    const auto order = order_of_this_process();
    if (order && sys::has_gained_rights()) {
        was_refused = true;
        ::unsetenv(worker_variable);  // nor are programs that it starts to obey
    } else if (order) {
        sys::follow_parent(order->parent);
        the_order = *order;
        entry = worker_main;
    }
    return start(entry, argc, argv, init, fini, loader_fini, stack_end);
}

}  // namespace bide::detail
