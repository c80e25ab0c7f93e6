// bide/system: process_queue, through which processes hand items to each other.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/system/archive.hpp>
#include <bide/detail/system/process_queue_core.hpp>
#include <bide/error.hpp>
#include <bide/queue.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bide {

/// What a process_queue's memory takes when nothing else is said.
inline constexpr std::size_t default_queue_capacity = 1 << 20;

/// First in, first out, between the tasks of several processes; any of them may put and get. Items are packed into shared
/// memory: T is a number, text, a container or tuple of such, or a class with cereal's `serialize`. All who use a queue
/// must have the same T.
///
/// An item is in the queue or with the one task that took it. A process that dies in the middle of put() has put nothing or
/// all of it, one that dies in the middle of get() has taken nothing or loses that item; the queue goes on.
/// Not in <bide/bide.hpp>: the packing costs compile time.
/// Life, threads, processes: as process_lock. Limits: `maxsize` items (0: no limit), and `capacity` bytes, in which each item
/// takes its packed size and 8 to 15 bytes more; 64 handles. Which of several waiting processes gets an item is not defined
/// exactly: about the one that has waited longest. Python: multiprocessing.Queue, which packs in a thread of its own, loses
/// what that has not written when the process dies, and may be spoilt by a process that is killed.
template <class T>
class process_queue {
public:
    using value_type = T;

    /// Without a name, for this process and those that get its descriptor.
    explicit process_queue(std::size_t maxsize = 0, std::size_t capacity = default_queue_capacity)
        : handle_(std::string(), maxsize, capacity, detail::queue_open::create) {}
    /// Opens the one of that name, or makes it. Throws as process_lock; std::invalid_argument when it exists with other
    /// limits.
    explicit process_queue(std::string name, std::size_t maxsize = 0,
                           std::size_t capacity = default_queue_capacity)
        : handle_(checked(std::move(name)), maxsize, capacity, detail::queue_open::either) {}
    /// As those of process_lock: made anew, there already, or handed over by another process as a descriptor.
    [[nodiscard]] static process_queue create(std::string name, std::size_t maxsize = 0,
                                              std::size_t capacity = default_queue_capacity) {
        return process_queue(detail::process_queue_handle(checked(std::move(name)), maxsize, capacity,
                                                          detail::queue_open::create));
    }
    [[nodiscard]] static process_queue open(std::string name) {
        return process_queue(detail::process_queue_handle(checked(std::move(name)), 0, default_queue_capacity,
                                                          detail::queue_open::existing));
    }
    [[nodiscard]] static process_queue adopt(int fd) {
        return process_queue(detail::process_queue_handle(fd));
    }
    process_queue(const process_queue&) = delete;
    process_queue& operator=(const process_queue&) = delete;

    /// Puts an item in; it is packed now, not when the await begins. Suspends: only while the queue is full.
    /// Throws: queue_shut_down, also when that happens meanwhile; std::invalid_argument for an item that is larger than
    /// the capacity; invalid_state_error when the queue belongs to another loop.
    /// Cancellation: the item is not in. Once it is, put() returns. Python: Queue.put.
    [[nodiscard]] coro<void> put(const T& item) { return handle_.put(packed(item)); }

    /// Takes the first item out. Suspends: only while there is none.
    /// Throws: queue_shut_down when the queue is empty and shut down; std::invalid_argument when what it took is no T.
    /// Cancellation: nothing is lost. Python: Queue.get.
    [[nodiscard]] coro<T> get() {
        const std::string bytes = co_await handle_.get();
        co_return detail::unpack<T>(bytes);
    }

    /// Puts an item in at once. Throws: queue_full, queue_shut_down; std::errc::timed_out when another process has been
    /// stopped in the middle of an item, for 100 ms. Python: Queue.put_nowait.
    void put_nowait(const T& item) { handle_.put_nowait(packed(item)); }
    /// The same; false when it is full.
    [[nodiscard]] bool try_put(const T& item) { return handle_.try_put(packed(item)); }

    /// Takes the first item. Throws: queue_empty; queue_shut_down when it is empty and shut down. Python: Queue.get_nowait.
    T get_nowait() {
        std::string bytes;
        if (!handle_.try_get(bytes)) throw queue_empty();
        return detail::unpack<T>(bytes);
    }
    /// The same; nothing when it is empty.
    [[nodiscard]] std::optional<T> try_get() {
        std::string bytes;
        if (!handle_.try_get(bytes)) return std::nullopt;
        return detail::unpack<T>(bytes);
    }

    /// Items at this moment. Python: Queue.qsize, empty, full.
    [[nodiscard]] std::size_t qsize() const noexcept { return handle_.count(); }
    [[nodiscard]] bool empty() const noexcept { return handle_.count() == 0; }
    [[nodiscard]] bool full() const noexcept { return handle_.full(); }
    /// Items; 0 is no limit.
    [[nodiscard]] std::size_t maxsize() const noexcept { return handle_.maxsize(); }
    /// Bytes.
    [[nodiscard]] std::size_t capacity() const noexcept { return handle_.capacity(); }

    /// For all processes: from now on put() throws queue_shut_down, also for those who wait in it; get() does so once the
    /// queue is empty. With shutdown_mode::immediate the items are dropped. Python: asyncio's Queue.shutdown.
    void shutdown(shutdown_mode mode = shutdown_mode::drain) {
        handle_.shut_down(mode == shutdown_mode::immediate);
    }

    /// As those of process_lock.
    [[nodiscard]] const std::string& name() const noexcept { return handle_.name(); }
    [[nodiscard]] int fileno() const noexcept { return handle_.fileno(); }
    void unlink() {
        if (name().empty()) throw invalid_state_error("process_queue.unlink: this queue has no name");
        unlink(name());
    }
    static void unlink(std::string_view name) { detail::process_queue_handle::unlink(name); }

private:
    explicit process_queue(detail::process_queue_handle&& handle) noexcept : handle_(std::move(handle)) {}
    static std::string checked(std::string name) {
        detail::process_queue_handle::check_name(name);
        return name;
    }
    static std::string packed(const T& item) {
        std::string bytes;
        detail::pack_into(bytes, item);
        return bytes;
    }

    detail::process_queue_handle handle_;
};

}  // namespace bide
