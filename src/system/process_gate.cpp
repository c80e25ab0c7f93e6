// bide/system: places that processes take, wait for and give back.
#include "system/process_gate.hpp"

#include <new>
#include <stdexcept>

namespace bide::detail {

namespace {

// A place: the index of the member that has it, plus one; 0: free. A mark that the process with the id above died with it.
constexpr std::uint64_t owner_mask = 0xff;
constexpr std::uint64_t died = 0x100;
constexpr int pid_shift = 32;

std::uint64_t owner_word(unsigned member) noexcept { return member + 1; }
bool is_free(std::uint64_t word) noexcept { return (word & owner_mask) == 0; }

shared_word* words_of(ipc_block& block) noexcept {
    return reinterpret_cast<shared_word*>(block.body());  // fill() has made them
}

template <class F>
void each_place_of(ipc_block& block, unsigned member, F fn) noexcept {
    shared_word* const words = words_of(block);
    for (std::size_t i = 0; i < block.number(0); ++i) {
        const std::uint64_t word = words[i].load();
        if ((word & owner_mask) == owner_word(member)) fn(words[i], word);
        ipc_step();
    }
}

}  // namespace

void process_gate::fill(std::byte* body, const ipc_shape& shape) {
    ::new (static_cast<void*>(body)) shared_word[shape.numbers[0]]{};
}

void process_gate::free_places_of(ipc_block& block, unsigned member, process_key) noexcept {
    each_place_of(block, member, [](shared_word& word, std::uint64_t) { word.store(0); });
}

void process_gate::abandon_places_of(ipc_block& block, unsigned member, process_key who) noexcept {
    each_place_of(block, member, [who](shared_word& word, std::uint64_t) {
        word.store(died | static_cast<std::uint64_t>(id_of(who)) << pid_shift);
    });
}

process_gate::process_gate(const gate_kind& kind, std::string name, block_open how)
    : waiting_(*kind.waiting), block_(kind.shape, std::move(name), how) {
    prepare_body();
}

process_gate::process_gate(const gate_kind& kind, int fd) : waiting_(*kind.waiting), block_(kind.shape, fd) {
    try {
        prepare_body();
    } catch (...) {
        block_.disown_fd();
        throw;
    }
}

void process_gate::prepare_body() {
    words_ = words_of(block_);
    places_ = block_.number(0);
    if (places_ == 0 || places_ > block_.body_size() / sizeof(shared_word))
        throw std::invalid_argument(block_.label() + ": the block is damaged");
    held_.reserve(places_);
}

void process_gate::forget_tasks() noexcept {
    held_.clear();
    while (!row_.empty()) row_.take_first();
}

// --- places ---

int process_gate::take() noexcept {
    const std::uint64_t own = owner_word(block_.member());
    for (std::size_t i = 0; i < places_; ++i) {
        const std::size_t place = look_from_ + i < places_ ? look_from_ + i : look_from_ + i - places_;
        std::uint64_t word = words_[place].load();
        while (is_free(word)) {
            if (!words_[place].compare_exchange_weak(word, word | own)) continue;
            ipc_step();
            look_from_ = place;
            held_.push_back(static_cast<std::uint16_t>(place));
            return static_cast<int>(place);
        }
    }
    return -1;
}

bool process_gate::any_free() const noexcept { return free_places() != 0; }

std::size_t process_gate::free_places() const noexcept {
    std::size_t count = 0;
    for (std::size_t i = 0; i < places_; ++i) count += is_free(words_[i].load()) ? 1 : 0;
    return count;
}

bool process_gate::would_wait() const noexcept { return block_.waiting(0) != 0 || !any_free(); }

int process_gate::holder() const noexcept {
    const std::uint64_t word = words_[0].load();
    const auto member = static_cast<unsigned>((word & owner_mask) - 1);
    return member < most_members ? id_of(block_.owner_of(member)) : 0;
}

int process_gate::died_with_it() const noexcept {
    const std::uint64_t word = words_[held_.back()].load();
    return (word & died) != 0 ? static_cast<int>(word >> pid_shift) : 0;
}

void process_gate::put_back(bool keep_mark) noexcept {
    const std::size_t place = held_.back();
    held_.pop_back();
    ipc_step();
    const std::uint64_t word = keep_mark ? words_[place].load() & ~owner_mask : 0;
    words_[place].store(word);  // sequentially consistent: before the look at who waits
    ipc_step();
    look_from_ = place;
}

void process_gate::give_back() noexcept {
    put_back(false);
    pass_on();
}

void process_gate::give_back_unused() noexcept {
    put_back(true);
    pass_on();
}

void process_gate::release() {
    if (!row_.empty()) row_.check_thread();
    give_back();
}

bool process_gate::try_acquire() {
    refresh();
    return row_.empty() && block_.waiting(0) == 0 && take() >= 0;
}

// --- waiting ---

// Something is free: it goes to the one that has waited longest.
void process_gate::pass_on() noexcept {
    if (block_.waiting(0) == 0) return;
    if (row_.empty()) {
        if (any_free()) block_.ring_first(0);
    } else {
        look();
    }
}

// Only who does not wait, or no longer does, rings those who came later: two who wait would ring each other for ever.
void process_gate::look() noexcept {
    while (!row_.empty() && hub_ != nullptr) {
        if (!block_.is_first(0) && (!any_free() || block_.ring_before(0))) return;
        if (take() < 0) return;
        row_.wake_first();
        if (row_.empty()) {
            leave_row();
        } else {
            block_.take_ticket(0);
        }
    }
    if (block_.others_wait(0) && any_free()) block_.ring_first(0);
}

void process_gate::leave_row() noexcept {
    if (hub_ == nullptr) return;
    block_.leave_row(0);
    std::exchange(hub_, nullptr)->remove(*this);
}

void process_gate::withdraw(task_base& task) noexcept {
    row_.remove(task);
    if (row_.empty()) leave_row();
    pass_on();
}

void process_gate::loop_closes() noexcept {
    hub_ = nullptr;
    block_.leave_row(0);
    if (block_.others_wait(0) && any_free()) block_.ring_first(0);
}

void process_gate::suspend(gate_awaiter& what, std::coroutine_handle<> frame) {
    task_base& task = running_task();
    home_.check(task, waiting_);
    ipc_hub& hub = running_ipc_hub(waiting_.name);
    const std::uint64_t door = hub.prepare();
    what.kind = &waiting_;
    row_.add(task);
    begin_wait(task, what, frame);  // a cancellation may end it at once
    if (hub_ != nullptr || row_.empty()) return;
    hub_ = &hub;
    peers_known = block_.joined();
    block_.enter_row(0, door);
    hub.add(*this);
    look();
}

cancel_outcome process_gate::cancel(wait& what, task_base& task) noexcept {
    if (!task.linked()) return cancel_outcome::too_late;
    static_cast<gate_awaiter&>(what).gate_->withdraw(task);
    return cancel_outcome::withdrawn;
}

// The loop closes: no task of this process is woken any more.
void process_gate::detach(wait& what, task_base& task) noexcept {
    process_gate& gate = *static_cast<gate_awaiter&>(what).gate_;
    if (task.linked()) {
        gate.row_.remove(task);
        if (gate.row_.empty()) gate.leave_row();
    } else if (was_granted(task) && gate.holds_any()) {
        gate.put_back(true);
    }
    if (gate.block_.others_wait(0) && gate.any_free()) gate.block_.ring_first(0);
}

bool gate_awaiter::await_ready() { return gate_->try_acquire(); }
void gate_awaiter::await_suspend(std::coroutine_handle<> frame) { gate_->suspend(*this, frame); }

void gate_awaiter::end_waiting() const {
    task_base& task = running_task();
    if (!must_throw(task)) return;
    if (was_granted(task)) gate_->give_back_unused();
    throw_cancelled(task);
}

}  // namespace bide::detail
