// bide/system: calls in worker processes of the same program.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/system/process_future.hpp>
#include <bide/detail/system/process_map.hpp>
#include <bide/detail/system/program_start.hpp>
#include <bide/error.hpp>
#include <bide/future.hpp>
#include <bide/shared_bytes.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide {

/// A pool of processes cannot run calls any more: a worker has died, its initializer threw, or the pool was terminated.
/// Python: concurrent.futures.process.BrokenProcessPool.
class broken_process_pool : public broken_executor {
public:
    explicit broken_process_pool(const std::string& what);
    ~broken_process_pool() override;
};

/// What a call has thrown in its worker process, where that is of a type that cannot be made again here. Exceptions of
/// the standard library come back as themselves. Python: none (they are pickled; the traceback comes as their cause).
class remote_error : public std::runtime_error {
public:
    remote_error(std::string type_name, const std::string& what);
    ~remote_error() override;
    /// The type of the exception, as in the source.
    [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }

private:
    std::string type_name_;
};

/// More calls wait than process_pool_options::max_pending() allows. Python: none (its queue has no limit).
class process_pool_full : public queue_full {
public:
    explicit process_pool_full(std::size_t limit);
    ~process_pool_full() override;
    [[nodiscard]] const char* what() const noexcept override { return text_.what(); }

private:
    std::runtime_error text_;
};

namespace detail {

struct pool_settings {
    std::optional<std::size_t> workers;
    std::size_t max_tasks = 0;
    std::size_t max_pending = 1'000'000;
    std::size_t memory = std::size_t{4} << 30;
    bool kills_on_cancel = false;
    const process_function* initializer = nullptr;
    std::string initializer_bytes;
};

// The program lets go of its pool.
void drop_pool(pool_core& pool) noexcept;

}  // namespace detail

/// Settings of a process_pool.
class process_pool_options {
public:
    /// At most this many worker processes, 1 to 256. Default: the processors that this process may use.
    process_pool_options& workers(std::size_t count) noexcept {
        settings_.workers = count;
        return *this;
    }
    /// What each worker calls before its first call. When it throws, the pool is broken. Default: nothing.
    template <auto F, class... Args>
    process_pool_options& initializer(const Args&... args) {
        using call = detail::call_for<F, Args...>;
        const auto packed = call::pack(args...);
        settings_.initializer = &detail::function_record<F, call>::value;
        settings_.initializer_bytes.resize(packed.size);
        packed.write(packed, reinterpret_cast<std::byte*>(settings_.initializer_bytes.data()));
        return *this;
    }
    /// A worker that has run so many calls ends and is replaced. Default: 0, no limit.
    process_pool_options& max_tasks_per_child(std::size_t calls) noexcept {
        settings_.max_tasks = calls;
        return *this;
    }
    /// Cancelling a call that runs kills its worker, which is replaced. Default: false, the call runs to its end and
    /// its result is dropped. Limits: shared_bytes that the worker has kept of earlier calls are not free before the pool
    /// ends. Python: none.
    process_pool_options& kill_on_cancel(bool on = true) noexcept {
        settings_.kills_on_cancel = on;
        return *this;
    }
    /// At most this many calls that have not ended; submit() throws process_pool_full then. Default: 1,000,000.
    /// Python: none.
    process_pool_options& max_pending(std::size_t calls) noexcept {
        settings_.max_pending = calls;
        return *this;
    }
    /// Shared memory for large arguments, and as much for the results of each worker. It is taken only as it is used.
    /// Default: 4 GiB. Python: none.
    process_pool_options& shared_memory(std::size_t bytes) noexcept {
        settings_.memory = bytes;
        return *this;
    }

    /// For bide's own layers.
    [[nodiscard]] const detail::pool_settings& settings() const noexcept { return settings_; }

private:
    detail::pool_settings settings_;
};

/// A call with callbacks that is on its way. Python: multiprocessing.pool.AsyncResult.
template <class R>
class async_result {
public:
    explicit async_result(future<R> started) noexcept : future_(std::move(started)) {}

    /// What to await for the result, with wait_for() for a timeout, and to cancel. Python: get, wait.
    [[nodiscard]] const future<R>& get() const noexcept { return future_; }
    /// Python: ready.
    [[nodiscard]] bool ready() const { return future_.done(); }
    /// Whether it has a result. Throws: invalid_state_error before it has ended. Python: successful (ValueError).
    [[nodiscard]] bool successful() const { return !future_.cancelled() && future_.exception() == nullptr; }

private:
    future<R> future_;
};

/// Processes that run functions of this program. The function is named at compile time; its arguments and its result are
/// packed by cereal, so they may be of any type that cereal knows or is taught. A worker is this program started once
/// more, and runs calls in place of main(): no line of main is executed in it. Workers are started when a call finds no
/// idle one, up to the limit. Destroying the pool kills them, fails what is pending, and drops the callbacks that have not
/// run: see close() and join().
/// Threads: those of one loop: that which runs when the pool is made. Python: concurrent.futures.ProcessPoolExecutor and
/// multiprocessing.Pool.
class process_pool {
public:
    process_pool() : process_pool(process_pool_options()) {}
    explicit process_pool(std::size_t workers) : process_pool(process_pool_options().workers(workers)) {}
    /// Throws: invalid_state_error when no loop runs, and inside a worker while main has not been reached;
    /// std::invalid_argument for a number of workers that is none, or more shared memory than there are addresses;
    /// std::system_error.
    explicit process_pool(const process_pool_options& options);
    process_pool(process_pool&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    process_pool& operator=(process_pool&& other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~process_pool() {
        if (core_ != nullptr) detail::drop_pool(*core_);
    }

    /// Calls F(args...) in a worker: `int n = co_await pool.submit<&count_words>(text);`. The arguments are packed now.
    /// Returns: a future. Cancelling it takes effect at once: a call that has not started is taken back, one that runs
    /// goes on and its result is dropped (but see kill_on_cancel). What the function throws comes back as the same
    /// type if that is of the standard library, else as remote_error, and so does what packing its result throws;
    /// arguments that cannot be packed fail the future with std::invalid_argument.
    /// Throws: broken_process_pool, invalid_state_error after close() and in a forked child, process_pool_full,
    /// std::system_error when no worker runs and none can be started.
    /// Limits: the parameters of F are values, const references, std::string_view or spans of const bytes.
    /// Python: submit, apply_async.
    template <auto F, class... Args>
    auto submit(Args&&... args) {
        return detail::start_process_call<F>(core("submit"), "submit", args...);
    }

    /// As submit(), with callbacks: when the call has ended, callback(result) or error_callback(std::exception_ptr) runs in
    /// the loop. A cancelled call runs neither; nullptr stands for no callback. Once the pool is destroyed none is run any
    /// more, so they may refer to whatever lives as long as the pool, such as the locals beside it. Returns: async_result,
    /// which may be dropped. Python: multiprocessing.Pool.apply_async, where the callbacks run in another thread.
    template <auto F, class Callback, class ErrorCallback, class... Args>
    auto apply_async(Callback callback, ErrorCallback error_callback, Args&&... args) {
        auto started = detail::start_process_call<F>(core("apply_async"), "apply_async", args...);
        detail::add_callbacks(core("apply_async"), started, std::move(callback), std::move(error_callback));
        return async_result(std::move(started));
    }

    /// Calls F(a, b, ...) for the elements of one or more ranges, up to the end of the shortest, several elements in one
    /// call where map_options says so. Returns: the results in the order of the elements:
    /// `auto results = pool.map<&f>(numbers); while (auto r = co_await results.next()) ...` or
    /// `co_await results.to_vector()`. The first exception is thrown when its turn comes. Destroying it cancels what is
    /// left. Ranges that are given by reference must live that long. Python: map; imap.
    template <auto F, std::ranges::input_range... Ranges>
        requires(sizeof...(Ranges) > 0)
    auto map(Ranges&&... ranges) {
        return map<F>(process_map_options(), std::forward<Ranges>(ranges)...);
    }
    template <auto F, std::ranges::input_range... Ranges>
        requires(sizeof...(Ranges) > 0)
    auto map(const process_map_options& options, Ranges&&... ranges) {
        return detail::make_process_map<F>(core("map"), options, std::forward<Ranges>(ranges)...);
    }

    /// A block of the pool's shared memory, to write arguments into that are not to be copied. Its content is not set.
    /// Throws: std::length_error when the shared memory is used up. Python: none.
    [[nodiscard]] shared_bytes allocate(std::size_t size);

    /// Takes no more calls; those submitted run to their end, with their callbacks, then the workers end. Python: close.
    void close();
    /// Ends all workers now, with SIGTERM or SIGKILL; pending calls fail with broken_process_pool, which an
    /// error_callback gets in a later turn of the loop, unless the pool is destroyed before.
    /// Python: terminate, terminate_workers; kill_workers. Difference: there the calls never end.
    void terminate();
    void kill();
    /// Waits until all workers have ended, after close(), terminate() or kill(). The callbacks of all calls have run then.
    /// Throws: invalid_state_error before them.
    /// Cancellation: the pool goes on ending. Python: join (ValueError).
    [[nodiscard]] coro<void> join() const;

    /// The limit; those that run now; their process ids; calls that have not ended.
    [[nodiscard]] std::size_t workers() const;
    [[nodiscard]] std::size_t running_workers() const;
    [[nodiscard]] std::vector<int> pids() const;
    [[nodiscard]] std::size_t pending() const;

private:
    [[nodiscard]] detail::pool_core& core(const char* call) const;

    detail::pool_core* core_;
};

}  // namespace bide
