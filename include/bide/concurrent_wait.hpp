// bide/exec: wait for several concurrent futures at once.
#pragma once

#include <bide/concurrent_future.hpp>
#include <bide/detail/exec/completion_watch.hpp>
#include <bide/time.hpp>
#include <bide/wait.hpp>

#include <chrono>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

/// Counterparts of the functions of Python's concurrent.futures whose names asyncio has, too.
namespace bide::concurrent {

using bide::return_when;
using enum bide::return_when;

/// What wait() gives: each future once, in the order in which it was given.
template <class T>
struct wait_result {
    std::vector<concurrent_future<T>> done;
    std::vector<concurrent_future<T>> not_done;
};

namespace detail {

template <class R>
using value_of = typename std::ranges::range_value_t<R>::value_type;

template <class R>
std::vector<concurrent_future<value_of<R>>> collect(R&& futures) {
    std::vector<concurrent_future<value_of<R>>> all;
    for (const auto& each : futures) all.push_back(each);
    return all;
}

template <class T>
wait_result<T> wait_until(std::vector<concurrent_future<T>> all, std::int64_t deadline, return_when until) {
    bide::detail::completion_watch watch;
    std::vector<concurrent_future<T>> futures;
    for (auto& each : all) {
        if (watch.add(each.core())) futures.push_back(std::move(each));
    }
    std::vector<bool> done(futures.size());
    std::size_t left = futures.size();
    const auto note = [&](std::size_t number) {
        done[number] = true;
        --left;
        return until == return_when::first_completed ||
               (until == return_when::first_exception && futures[number].core().failed());
    };
    bool enough = left == 0;
    std::size_t number = 0;
    while (watch.next_done(number)) enough = note(number) || enough;
    try {
        while (!enough && left != 0) enough = note(watch.next(deadline));
    } catch (const timeout_error&) {  // says so by what is not done
    }
    while (watch.next_done(number)) note(number);
    wait_result<T> result;
    for (std::size_t i = 0; i < futures.size(); ++i) {
        (done[i] ? result.done : result.not_done).push_back(std::move(futures[i]));
    }
    return result;
}

}  // namespace detail

/// Blocks the calling thread until some, or all, of the futures are done. A cancelled one is done, but no exception.
/// Throws: invalid_state_error where concurrent_future::result does. A time limit throws nothing: see not_done.
/// Python: concurrent.futures.wait.
template <std::ranges::input_range R>
wait_result<detail::value_of<R>> wait(R&& futures, return_when until = return_when::all_completed) {
    return detail::wait_until(detail::collect(futures), bide::detail::no_deadline, until);
}
template <std::ranges::input_range R, class Rep, class Period>
wait_result<detail::value_of<R>> wait(R&& futures, std::chrono::duration<Rep, Period> limit,
                                      return_when until = return_when::all_completed) {
    const std::int64_t deadline = bide::detail::thread_deadline(bide::detail::to_ns(limit));
    return detail::wait_until(detail::collect(futures), deadline, until);
}

/// The futures in the order in which they end, for a range-for; those that are done already come first.
/// Incrementing the iterator blocks. Python: concurrent.futures.as_completed.
template <class T>
class completions {
public:
    completions(std::vector<concurrent_future<T>> all, std::int64_t deadline) : deadline_(deadline) {
        for (auto& each : all) {
            if (watch_->add(each.core())) futures_.push_back(std::move(each));
        }
    }

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = concurrent_future<T>;
        using difference_type = std::ptrdiff_t;

        iterator() noexcept = default;
        explicit iterator(completions& of) : of_(&of) { ++*this; }
        const value_type& operator*() const noexcept { return of_->current_; }
        /// Throws: timeout_error when the limit given to as_completed() has passed.
        iterator& operator++() {
            if (!of_->advance()) of_ = nullptr;
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
            return at.of_ == nullptr;
        }

    private:
        completions* of_ = nullptr;
    };

    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    bool advance() {
        if (given_ == futures_.size()) return false;
        current_ = std::move(futures_[watch_->next(deadline_)]);
        ++given_;
        return true;
    }

    std::unique_ptr<bide::detail::completion_watch> watch_ =
        std::make_unique<bide::detail::completion_watch>();
    std::vector<concurrent_future<T>> futures_;
    std::int64_t deadline_;
    std::size_t given_ = 0;
    concurrent_future<T> current_;
};

template <std::ranges::input_range R>
completions<detail::value_of<R>> as_completed(R&& futures) {
    return {detail::collect(futures), bide::detail::no_deadline};
}
/// The time limit counts from this call.
template <std::ranges::input_range R, class Rep, class Period>
completions<detail::value_of<R>> as_completed(R&& futures, std::chrono::duration<Rep, Period> limit) {
    return {detail::collect(futures), bide::detail::thread_deadline(bide::detail::to_ns(limit))};
}

}  // namespace bide::concurrent
