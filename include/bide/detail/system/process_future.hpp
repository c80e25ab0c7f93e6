// bide/system: a call in a worker process, and the future that it becomes.
#pragma once

#include <bide/detail/loop/loop_state.hpp>
#include <bide/detail/system/process_function.hpp>
#include <bide/future.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide::detail {

class pool_core;  // src/system/pool_core.hpp
void retain_pool(pool_core& pool) noexcept;
void release_pool(pool_core& pool) noexcept;
[[nodiscard]] bool is_dropped(const pool_core& pool) noexcept;

class pool_ref {
public:
    explicit pool_ref(pool_core& pool) noexcept : pool_(&pool) { retain_pool(pool); }
    pool_ref(const pool_ref& other) noexcept : pool_ref(*other.pool_) {}
    pool_ref(pool_ref&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}
    pool_ref& operator=(pool_ref&&) = delete;
    ~pool_ref() {
        if (pool_ != nullptr) release_pool(*pool_);
    }
    pool_core& operator*() const noexcept { return *pool_; }
    pool_core* operator->() const noexcept { return pool_; }

private:
    pool_core* pool_;
};

// Part of its future. While `pool` is set, that holds a reference of the future.
class process_call : public ring_link {
public:
    explicit process_call(future_core& its_future, void (*discard_result)(std::string_view)) noexcept
        : target(&its_future), discard(discard_result) {}
    process_call(const process_call&) = delete;
    process_call& operator=(const process_call&) = delete;

    // Gives the packed result to the future, which is not done. Throws what unpacking throws.
    virtual void deliver(std::string_view bytes) = 0;

    future_core* const target;
    void (*const discard)(std::string_view);  // for a result that nobody wants: it may own shared memory
    pool_core* pool = nullptr;
    const process_function* function = nullptr;
    std::uint32_t slot = 0;             // number + 1; 0: in the queue, or not in a pool
    std::string kept;                   // the packed arguments while it is in the queue
    std::vector<std::uint64_t> blocks;  // ... and the shared blocks among them

protected:
    ~process_call() = default;
};

// The future was cancelled.
void withdraw_call(process_call& call) noexcept;

template <class R>
class process_future final : public future_state<R>, public process_call {
public:
    explicit process_future(loop_state* in) noexcept
        : future_state<R>(in, table), process_call(*this, discard_result) {}

private:
    void deliver(std::string_view bytes) override {
        if constexpr (!std::is_void_v<R>) {
            ::new (static_cast<void*>(std::addressof(this->value))) R(unpack<R>(bytes));
        }
        finish_future(*this);
    }
    static void discard_result(std::string_view bytes) {
        if constexpr (!std::is_void_v<R> && !std::is_trivially_destructible_v<R>) {
            [[maybe_unused]] const R dropped = unpack<R>(bytes);
        }
    }

    static void destroy(future_core& self) noexcept { delete &static_cast<process_future&>(self); }
    static bool cancel(future_core& what, const std::string& message) {
        if (!cancel_plain(what, message)) return false;
        withdraw_call(static_cast<process_future&>(what));
        return true;
    }
    static constexpr future_ops table{destroy, cancel, "process_pool.submit"};
};

// Throws as process_pool::submit() does. Starts a worker where one is needed.
void prepare_call(pool_core& pool, const char* call);
// Hands it over; `from` is used in the call only. Throws what packing throws, and then the call is not in the pool.
void place_call(pool_core& pool, process_call& call, const process_function& function,
                const argument_source& from);
// In a catch clause: the future fails with what was thrown while the arguments were packed.
void fail_to_pack(process_call& call, const process_function& function);

loop_state& loop_of_pool(const pool_core& pool) noexcept;

template <auto F, class... Args>
auto start_process_call(pool_core& pool, const char* name, Args&... args) {
    using call = call_for<F, Args...>;
    using R = typename call::result;
    constexpr const process_function& record = function_record<F, call>::value;
    prepare_call(pool, name);
    auto* const state = new process_future<R>(&loop_of_pool(pool));
    future<R> result(*state);
    try {
        const auto packed = call::pack(args...);
        place_call(pool, *state, record, packed);
    } catch (const std::exception&) { fail_to_pack(*state, record); }
    return result;
}

}  // namespace bide::detail
