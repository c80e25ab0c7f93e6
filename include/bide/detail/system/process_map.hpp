// bide/system: what process_pool::map gives: results in order, as they are asked for.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/core/until_done.hpp>
#include <bide/detail/exec/pool_map.hpp>
#include <bide/detail/system/process_future.hpp>
#include <bide/future.hpp>
#include <bide/time.hpp>
#include <bide/timeout.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <iterator>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace bide {

/// How process_pool::map() goes about it.
class process_map_options {
public:
    /// So many elements go to a worker in one call. An exception then stands for all of them. Default: 1.
    process_map_options& chunksize(std::size_t elements) noexcept {
        chunksize_ = elements == 0 ? 1 : elements;
        return *this;
    }
    /// The last result must be there at this time after the call. Default: no limit.
    template <class Rep, class Period>
    process_map_options& timeout(std::chrono::duration<Rep, Period> limit) {
        limit_ = detail::to_ns(limit);
        return *this;
    }
    /// At most so many elements are submitted whose results were not taken yet. Default: 0, all at once.
    process_map_options& buffersize(std::size_t elements) noexcept {
        buffersize_ = elements;
        return *this;
    }
    [[nodiscard]] std::size_t chunksize() const noexcept { return chunksize_; }
    [[nodiscard]] std::int64_t limit() const noexcept { return limit_; }
    [[nodiscard]] std::size_t buffersize() const noexcept { return buffersize_; }

private:
    std::size_t chunksize_ = 1;
    std::int64_t limit_ = detail::no_deadline;
    std::size_t buffersize_ = 0;
};

namespace detail {

template <class R>
using map_value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;

// One call for several elements.
template <auto F, class R, class... T>
std::vector<map_value<R>> call_chunk(const std::vector<std::tuple<T...>>& elements) {
    std::vector<map_value<R>> results;
    results.reserve(elements.size());
    for (const std::tuple<T...>& each : elements) {
        if constexpr (std::is_void_v<R>) {
            std::apply(F, each);
            results.emplace_back();
        } else {
            results.push_back(std::apply(F, each));
        }
    }
    return results;
}

// They may refer to what is destroyed with the pool, and it is destroyed outside their turn: then they are not called.
template <class R, class Callback, class ErrorCallback>
void add_callbacks(pool_core& pool, const future<R>& started, Callback callback,
                   ErrorCallback error_callback) {
    std::pair<Callback, ErrorCallback> both(std::move(callback), std::move(error_callback));
    auto done = [both = std::move(both), its_pool = pool_ref(pool)](const future<R>& call) mutable {
        [[maybe_unused]] auto& [on_result, on_error] = both;
        if (call.cancelled() || is_dropped(*its_pool)) return;
        if (call.core().has(flag::failed)) {  // without a callback it is reported when the last handle goes
            if constexpr (!std::is_same_v<ErrorCallback, std::nullptr_t>) on_error(call.exception());
            return;
        }
        if constexpr (std::is_same_v<Callback, std::nullptr_t>) {
            return;
        } else if constexpr (std::is_void_v<R>) {
            on_result();
        } else {
            on_result(call.result());
        }
    };
    started.add_done_callback(std::move(done));
}

std::int64_t loop_time();

template <class R>
class [[nodiscard]] process_map {
    using chunk = std::vector<map_value<R>>;

public:
    using value_type = map_value<R>;

    template <class Feed>
    process_map(Feed feed, std::int64_t deadline, std::size_t most_chunks)
        : feed_(std::move(feed)), deadline_(deadline), most_(most_chunks) {
        fill();
    }
    process_map(process_map&&) = default;
    process_map& operator=(process_map&&) = delete;
    ~process_map() { cancel_rest(); }

    /// The next result; empty after the last one, and once it has thrown or was cancelled. Throws: what the function
    /// threw, timeout_error.
    [[nodiscard]] coro<std::optional<value_type>> next() {
        process_map& self = *this;
        while (self.at_ == self.current_.size()) {
            if (self.calls_.empty()) co_return std::nullopt;
            co_await self.take_chunk();
        }
        co_return std::move(self.current_[self.at_++]);
    }

    /// Everything that is left.
    [[nodiscard]] coro<std::vector<value_type>> to_vector() {
        process_map& self = *this;
        std::vector<value_type> all;
        for (;;) {
            auto each = co_await self.next();
            if (!each) break;
            all.push_back(std::move(*each));
        }
        co_return all;
    }

private:
    coro<void> take_chunk() {
        process_map& self = *this;
        const future<chunk> first = std::move(self.calls_.front());
        self.calls_.pop_front();
        std::exception_ptr error;
        try {
            if (self.deadline_ == no_deadline) {
                self.current_ = co_await first;
            } else {
                const duration left(self.deadline_ - loop_time());
                self.current_ = co_await wait_for(first, left);
            }
        } catch (...) { error = std::current_exception(); }
        if (error) {
            first.cancel();
            self.cancel_rest();
            std::rethrow_exception(error);
        }
        self.at_ = 0;
        self.fill();
    }

    void fill() {
        while (more_ && (most_ == 0 || calls_.size() < most_)) {
            try {
                more_ = feed_(calls_);
            } catch (...) {
                cancel_rest();
                throw;
            }
        }
    }

    void cancel_rest() noexcept {
        more_ = false;
        for (const auto& each : calls_) each.cancel();
        calls_.clear();
    }

    move_only_function<bool(std::deque<future<chunk>>&)> feed_;
    std::deque<future<chunk>> calls_;
    std::int64_t deadline_;
    std::size_t most_;
    bool more_ = true;
    chunk current_;
    std::size_t at_ = 0;
};

// Submits one more chunk; false when the ranges have ended.
template <auto F, class R, class... Ranges>
class process_feed {
    using kept = std::tuple<kept_range<Ranges>...>;
    using element = std::tuple<std::ranges::range_value_t<Ranges>...>;

public:
    process_feed(pool_core& pool, std::size_t chunksize, Ranges&&... ranges)
        : pool_(pool),
          chunksize_(chunksize),
          ranges_(std::make_unique<kept>(std::forward<Ranges>(ranges)...)) {}

    bool operator()(std::deque<future<std::vector<map_value<R>>>>& calls) {
        if (!at_) {
            at_.emplace(
                std::apply([](auto&... each) { return std::tuple(std::ranges::begin(each)...); }, *ranges_));
        }
        return submit(calls, std::index_sequence_for<Ranges...>());
    }

private:
    template <std::size_t... I>
    bool submit(std::deque<future<std::vector<map_value<R>>>>& calls, std::index_sequence<I...>) {
        std::vector<element> elements;
        elements.reserve(chunksize_);
        bool more = true;
        while (elements.size() < chunksize_) {
            more = ((std::get<I>(*at_) != std::ranges::end(std::get<I>(*ranges_))) && ...);
            if (!more) break;
            elements.emplace_back(*std::get<I>(*at_)...);
            (++std::get<I>(*at_), ...);
        }
        if (!elements.empty()) {
            calls.push_back(start_process_call<&call_chunk<F, R, std::ranges::range_value_t<Ranges>...>>(
                *pool_, "map", elements));
        }
        return more;
    }

    pool_ref pool_;
    std::size_t chunksize_;
    std::unique_ptr<kept> ranges_;  // iterators point into them: they must not move
    std::optional<std::tuple<std::ranges::iterator_t<std::remove_reference_t<kept_range<Ranges>>>...>> at_;
};

template <auto F, class... Ranges>
auto make_process_map(pool_core& pool, const process_map_options& options, Ranges&&... ranges) {
    using R = std::invoke_result_t<decltype(F), std::ranges::range_value_t<Ranges>...>;
    const std::size_t chunk = options.chunksize();
    const std::int64_t deadline =
        options.limit() == no_deadline ? no_deadline : deadline_after(loop_time(), options.limit());
    return process_map<R>(process_feed<F, R, Ranges...>(pool, chunk, std::forward<Ranges>(ranges)...),
                          deadline, (options.buffersize() + chunk - 1) / chunk);
}

}  // namespace detail

}  // namespace bide
