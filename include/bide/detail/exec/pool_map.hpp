// bide/exec: what thread_pool::map gives: results in order, as they are asked for.
#pragma once

#include <bide/concurrent_future.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/error.hpp>

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

namespace bide::detail {

// How a range is kept until its elements are submitted: one that the caller named is referred to, unless it is a view.
template <class R>
using kept_range =
    std::conditional_t<std::is_lvalue_reference_v<R> && !std::ranges::view<std::remove_cvref_t<R>>, R,
                       std::remove_cvref_t<R>>;

// Submits one more job, for the next elements of the ranges; false at the end of the shortest.
template <class Pool, class F, class... Ranges>
class pool_feed {
    using kept = std::tuple<kept_range<Ranges>...>;

public:
    using result_type = std::invoke_result_t<F, std::ranges::range_value_t<Ranges>...>;

    pool_feed(Pool& pool, F fn, Ranges&&... ranges)
        : pool_(&pool),
          fn_(std::move(fn)),
          ranges_(std::make_unique<kept>(std::forward<Ranges>(ranges)...)) {}

    bool operator()(std::deque<concurrent_future<result_type>>& jobs) {
        if (!at_) {
            at_.emplace(
                std::apply([](auto&... each) { return std::tuple(std::ranges::begin(each)...); }, *ranges_));
        }
        return submit(jobs, std::index_sequence_for<Ranges...>());
    }

private:
    template <std::size_t... I>
    bool submit(std::deque<concurrent_future<result_type>>& jobs, std::index_sequence<I...>) {
        if (((std::get<I>(*at_) == std::ranges::end(std::get<I>(*ranges_))) || ...)) return false;
        jobs.push_back(pool_->submit(fn_, *std::get<I>(*at_)...));
        (++std::get<I>(*at_), ...);
        return true;
    }

    Pool* pool_;
    F fn_;
    std::unique_ptr<kept> ranges_;  // iterators point into them: they must not move
    std::optional<std::tuple<std::ranges::iterator_t<std::remove_reference_t<kept_range<Ranges>>>...>> at_;
};

template <class R>
class [[nodiscard]] pool_map {
    using value = std::conditional_t<std::is_void_v<R>, std::monostate, std::remove_cvref_t<R>>;

public:
    template <class Feed>
    pool_map(Feed feed, std::int64_t limit, std::size_t buffersize)
        : feed_(std::move(feed)), deadline_(limit == no_deadline ? no_deadline : thread_deadline(limit)) {
        while ((buffersize == 0 || jobs_.size() < buffersize) && more_) submit_next();
    }
    pool_map(pool_map&&) = default;
    pool_map& operator=(pool_map&&) = delete;
    ~pool_map() { cancel_rest(); }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = value;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept = default;
        explicit iterator(pool_map& of) : of_(&of) { ++*this; }
        value_type& operator*() const noexcept { return *of_->current_; }
        iterator& operator++() {
            if (!of_->advance()) of_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
            return at.of_ == nullptr;
        }

    private:
        pool_map* of_ = nullptr;
    };

    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

    /// Everything that is left, at once.
    [[nodiscard]] std::vector<value> to_vector() {
        std::vector<value> all;
        for (auto& each : *this) all.push_back(std::move(each));
        return all;
    }

private:
    void submit_next() {
        try {
            more_ = feed_(jobs_);
        } catch (...) {
            cancel_rest();
            throw;
        }
    }

    bool advance() {
        current_.reset();
        if (jobs_.empty()) return false;
        concurrent_future<R> next = std::move(jobs_.front());
        jobs_.pop_front();
        try {
            next.core().wait(deadline_);
            if constexpr (std::is_void_v<R>) {
                std::move(next).result();
                current_.emplace();
            } else {
                current_.emplace(std::move(next).result());
            }
        } catch (...) {
            next.cancel();
            cancel_rest();
            throw;
        }
        if (more_) submit_next();
        return true;
    }

    void cancel_rest() noexcept {
        more_ = false;
        for (const auto& each : jobs_) each.cancel();
        jobs_.clear();
    }

    move_only_function<bool(std::deque<concurrent_future<R>>&)> feed_;
    std::deque<concurrent_future<R>> jobs_;
    std::int64_t deadline_;
    bool more_ = true;
    std::optional<value> current_;
};

}  // namespace bide::detail
