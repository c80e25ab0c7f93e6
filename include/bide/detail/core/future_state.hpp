// bide/core: futures and tasks with their values.
#pragma once

#include <bide/detail/core/promise.hpp>
#include <bide/detail/core/task_base.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace bide::detail {

template <class T>
using stored_t = std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>;

// Room for a value that is there once the owner is done without failure or cancellation.
template <class T>
struct value_slot {
    value_slot() noexcept {}
    ~value_slot() {}
    union {
        T value;
    };
    void destroy_value() noexcept { value.~T(); }
};
template <>
struct value_slot<void> {
    void destroy_value() noexcept {}
};

inline bool holds_value(const future_core& what) noexcept {
    return what.has(flag::done) && !what.has(flag::failed | flag::cancelled);
}

template <class T>
struct future_state : plain_future, value_slot<stored_t<T>> {
    explicit future_state(loop_state* in, const future_ops& table = standard) noexcept
        : plain_future(in, table) {
        static_assert(alignof(future_state) <= pool_step, "bide: results are aligned to 16 bytes at most");
    }
    ~future_state() {
        if (holds_value(*this)) this->destroy_value();
    }

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* at, std::size_t size) noexcept { pool_free(at, size); }

    static void destroy(future_core& self) noexcept { delete static_cast<future_state*>(&self); }
    static constexpr future_ops standard{destroy, cancel_plain, "future"};
};

template <class T>
class coro_promise;

template <class T>
struct task_state : task_base, value_slot<stored_t<T>> {
    explicit task_state(loop_state* in) noexcept : task_base(in, table_) {}
    ~task_state() {
        if (holds_value(*this)) this->destroy_value();
    }

    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* at, std::size_t size) noexcept { pool_free(at, size); }

protected:
    static void take(task_base& self, void* frame) {
        auto& promise = std::coroutine_handle<coro_promise<T>>::from_address(frame).promise();
        auto& task = static_cast<task_state&>(self);
        if constexpr (std::is_void_v<T>) {
            static_cast<void>(task);
            promise.take();
        } else if constexpr (std::is_reference_v<T>) {
            task.value = std::addressof(promise.take());
        } else {
            ::new (static_cast<void*>(std::addressof(task.value))) T(promise.take());
        }
    }
    static constexpr task_ops table_{{run_task, discard_task},
                                     [](task_base& self) noexcept { delete static_cast<task_state*>(&self); },
                                     take};
};

template <class T>
T& value_of(future_core& what) noexcept {
    if (what.has(flag::is_task)) return static_cast<task_state<T>&>(as_task(what)).value;
    return static_cast<future_state<T>&>(what).value;
}

}  // namespace bide::detail
