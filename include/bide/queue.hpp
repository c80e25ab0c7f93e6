// bide/sync: queue, lifo_queue and priority_queue, through which tasks hand items to each other.
#pragma once

#include <bide/detail/sync/queue_core.hpp>
#include <bide/detail/sync/ring.hpp>
#include <bide/error.hpp>
#include <bide/result.hpp>

#include <algorithm>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide {

/// What basic_queue::shutdown() does with the items that nobody has taken yet.
enum class shutdown_mode {
    drain,      ///< they can still be taken
    immediate,  ///< they are destroyed and count as done
};

template <class T, class Store>
class basic_queue;

namespace detail {

template <class T, class Store>
class queue_put_awaiter : public queue_wait {
public:
    queue_put_awaiter(basic_queue<T, Store>& queue, T&& item);

    [[nodiscard]] bool await_ready();
    void await_suspend(std::coroutine_handle<> frame) { wait_to_put(frame); }
    void await_resume() const {
        if (!succeeded()) queue_core::throw_shut_down();
    }
    [[nodiscard]] result<void> await_result() const {
        if (succeeded()) return {};
        return result<void>::failure(std::make_exception_ptr(queue_shut_down()));
    }

private:
    friend basic_queue<T, Store>;
    [[nodiscard]] bool succeeded() const { return kind == nullptr ? owner_ != nullptr : end_put(); }

    T item_;
};

template <class T, class Store>
class queue_get_awaiter : public queue_wait {
public:
    explicit queue_get_awaiter(basic_queue<T, Store>& queue) noexcept;

    [[nodiscard]] bool await_ready() const noexcept { return owner_->free_ != 0 || owner_->shut_down_; }
    void await_suspend(std::coroutine_handle<> frame) { wait_to_get(frame); }
    BIDE_INLINE T await_resume() const {
        if (!succeeded()) queue_core::throw_shut_down();
        return take();
    }
    [[nodiscard]] result<T> await_result() const {
        if (succeeded()) return result<T>(take());
        return result<T>::failure(std::make_exception_ptr(queue_shut_down()));
    }

private:
    [[nodiscard]] bool succeeded() const {
        if (kind != nullptr) return end_get();
        if (owner_->free_ == 0) return false;
        --owner_->free_;
        return true;
    }
    T take() const;
};

template <class T>
struct fifo_store {
    ring<T> items;
    [[nodiscard]] bool empty() const noexcept { return items.empty(); }
    void push(T&& item) { items.push_back(std::move(item)); }
    T pop() { return items.pop_front(); }
};

template <class T>
struct lifo_store {
    ring<T> items;
    [[nodiscard]] bool empty() const noexcept { return items.empty(); }
    void push(T&& item) { items.push_back(std::move(item)); }
    T pop() { return items.pop_back(); }
};

template <class T, class Compare>
struct heap_store {
    // std's heaps have the largest in front.
    struct after {
        [[no_unique_address]] Compare before;
        bool operator()(const T& a, const T& b) const { return before(b, a); }
    };

    explicit heap_store(Compare compare) : order{std::move(compare)} {}
    [[nodiscard]] bool empty() const noexcept { return items.empty(); }
    void push(T&& item) {
        items.push_back(std::move(item));
        std::push_heap(items.begin(), items.end(), order);
    }
    T pop() {
        std::pop_heap(items.begin(), items.end(), order);
        T item(std::move(items.back()));
        items.pop_back();
        return item;
    }

    std::vector<T> items;
    after order;
};

}  // namespace detail

/// What queue, lifo_queue and priority_queue share, and the way to a queue with an order of one's own: `Store` holds the
/// items and needs `bool empty() const`, `void push(T&&)` and `T pop()`.
///
/// An item goes to the task that has waited longest in get(); nobody overtakes. A full queue lets items in in the order
/// of the calls of put().
/// Life: usable without a loop; belongs to the loop in which a task first has to wait for it. Destroy it only when nobody
/// waits (checked). Neither copied nor moved. T must be movable and should move without throwing.
/// Threads: not thread-safe; put from elsewhere with call_soon_threadsafe.
/// Limits: `maxsize` items; the default, 0, is no limit. Python: asyncio.Queue and its hooks _init, _put and _get.
template <class T, class Store>
class basic_queue : private detail::queue_core {
public:
    using value_type = T;
    using put_awaiter = detail::queue_put_awaiter<T, Store>;
    using get_awaiter = detail::queue_get_awaiter<T, Store>;

    template <class... Args>
    explicit basic_queue(std::size_t maxsize = 0, Args&&... store)
        : queue_core(maxsize), store_(std::forward<Args>(store)...) {}

    /// Puts an item in. Suspends: only while the queue is full.
    /// Throws: queue_shut_down, also when that happens meanwhile; invalid_state_error when the queue belongs to another
    /// loop. When it throws, the item is destroyed and was never in the queue.
    /// Cancellation: the task leaves its place in the row. Once there was room the item is in, put() returns, and the
    /// cancellation is thrown at the next await. Python: Queue.put. Difference: the last sentence.
    [[nodiscard("co_await it")]] put_awaiter put(T item) { return put_awaiter(*this, std::move(item)); }

    /// Takes the first item out. Suspends: only while there is none.
    /// Throws: queue_shut_down when the queue is empty and shut down, also when that happens meanwhile;
    /// invalid_state_error when it belongs to another loop.
    /// Cancellation: nothing is lost. The task leaves its place in the row; an item that was meant for it stays where it
    /// is in the queue and goes to the next. Python: Queue.get.
    [[nodiscard("co_await it")]] get_awaiter get() noexcept { return get_awaiter(*this); }

    /// Puts an item in at once; it is moved from only if that succeeds.
    /// Throws: queue_full, queue_shut_down. Python: Queue.put_nowait.
    void put_nowait(T&& item) {
        if (free_ >= limit_) [[unlikely]]
            throw_no_room();
        add(std::move(item));
    }
    void put_nowait(const T& item)
        requires std::copy_constructible<T>
    {
        if (free_ >= limit_) [[unlikely]]
            throw_no_room();
        add(T(item));
    }

    /// Takes the first item that is not meant for a task that waited before.
    /// Throws: queue_empty; queue_shut_down when it is empty and shut down. Python: Queue.get_nowait.
    T get_nowait() {
        if (free_ == 0) [[unlikely]]
            throw_nothing();
        --free_;
        return take();
    }

    /// How many items can be taken now. More than maxsize() for as long as items come back from getters that were
    /// cancelled. Python: Queue.qsize. Difference: items on their way to a waiting getter are gone.
    [[nodiscard]] std::size_t qsize() const noexcept { return free_; }
    /// Python: Queue.empty.
    [[nodiscard]] bool empty() const noexcept { return free_ == 0; }
    /// Whether put() would wait; never without a limit. Python: Queue.full.
    [[nodiscard]] bool full() const noexcept { return maxsize_ != 0 && free_ >= maxsize_; }
    /// The limit; 0 means none. Python: Queue.maxsize.
    [[nodiscard]] std::size_t maxsize() const noexcept { return maxsize_; }

    /// Says that an item taken before has been dealt with; see join().
    /// Throws: invalid_state_error when called more often than items were put. Python: Queue.task_done (ValueError).
    void task_done() { queue_core::task_done(); }

    /// Waits until task_done() was called for every item ever put. Suspends: unless that is so.
    /// Throws: invalid_state_error when the queue belongs to another loop. Cancellation: leaves the row.
    /// Python: Queue.join.
    [[nodiscard("co_await it")]] detail::queue_join_awaiter join() noexcept {
        return detail::queue_join_awaiter(*this);
    }

    /// From now on put() throws queue_shut_down, for those who wait in it, too; get() does so once the queue is empty.
    /// With shutdown_mode::immediate the items are dropped, also those on their way to a getter that has not resumed,
    /// and count as done, which may release join(). May be called again. Python: Queue.shutdown.
    void shutdown(shutdown_mode mode = shutdown_mode::drain) {
        queue_core::shut_down();
        if (mode == shutdown_mode::drain) return;
        note_dropped();
        while (!store_.empty()) static_cast<void>(store_.pop());
    }

private:
    friend put_awaiter;
    friend get_awaiter;

    BIDE_INLINE void add(T&& item) {
        if (!getters_.empty()) [[unlikely]]
            return add_for_getter(std::move(item));
        store_.push(std::move(item));
        ++free_;
        ++unfinished_;
    }
    BIDE_NOINLINE void add_for_getter(T&& item) {
        getters_.check_thread();
        store_.push(std::move(item));
        ++unfinished_;
        hand_claim();
    }
    BIDE_INLINE T take() {
        T item(store_.pop());
        if (!putters_.empty()) [[unlikely]]
            let_putters_in();
        return item;
    }
    BIDE_NOINLINE void let_putters_in() {
        putters_.check_thread();
        while (free_ < limit_ && !putters_.empty()) {
            store_.push(std::move(static_cast<put_awaiter&>(*putters_.first().waiting_on).item_));
            putters_.wake_first();
            ++free_;
            ++unfinished_;
        }
    }

    Store store_;
};

/// First in, first out. Python: asyncio.Queue.
template <class T>
class queue : public basic_queue<T, detail::fifo_store<T>> {
public:
    explicit queue(std::size_t maxsize = 0) : basic_queue<T, detail::fifo_store<T>>(maxsize) {}
};

/// Last in, first out. Python: asyncio.LifoQueue.
template <class T>
class lifo_queue : public basic_queue<T, detail::lifo_store<T>> {
public:
    explicit lifo_queue(std::size_t maxsize = 0) : basic_queue<T, detail::lifo_store<T>>(maxsize) {}
};

/// The order of a priority_queue that is given no other one.
struct smallest_first {
    template <class T>
    constexpr bool operator()(const T& a, const T& b) const {
        return a < b;
    }
};

/// The item that comes first by `Compare` is taken first. Among equal ones the order is
/// not defined. Python: asyncio.PriorityQueue.
template <class T, class Compare = smallest_first>
class priority_queue : public basic_queue<T, detail::heap_store<T, Compare>> {
public:
    explicit priority_queue(std::size_t maxsize = 0, Compare compare = Compare())
        : basic_queue<T, detail::heap_store<T, Compare>>(maxsize, std::move(compare)) {}
};

namespace detail {

template <class T, class Store>
queue_put_awaiter<T, Store>::queue_put_awaiter(basic_queue<T, Store>& queue, T&& item)
    : queue_wait(queue), item_(std::move(item)) {}

template <class T, class Store>
bool queue_put_awaiter<T, Store>::await_ready() {
    if (owner_->free_ < owner_->limit_) [[likely]] {
        static_cast<basic_queue<T, Store>*>(owner_)->add(std::move(item_));
        return true;
    }
    if (!owner_->shut_down_) return false;
    owner_ = nullptr;
    return true;
}

template <class T, class Store>
queue_get_awaiter<T, Store>::queue_get_awaiter(basic_queue<T, Store>& queue) noexcept : queue_wait(queue) {}

template <class T, class Store>
T queue_get_awaiter<T, Store>::take() const {
    return static_cast<basic_queue<T, Store>*>(owner_)->take();
}

}  // namespace detail
}  // namespace bide
