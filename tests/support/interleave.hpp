// bide/tests: runs a few threads in every order of their steps, with at most so many preemptions.
//
// The threads are real, but only one runs at a time: at each step it asks the explorer who goes on. The explorer walks
// the tree of these decisions depth first: one execution for each path. A switch away from a thread that could go on is a
// preemption; two or three of them find nearly every fault that any number would, in thousands of executions instead of
// millions. Every step sees the effects of all before it, so what is explored is the protocol, not the memory orders:
// those are the thread sanitizer's part.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace interleave {

class explorer {
public:
    explicit explorer(int preemptions) : bound_(preemptions) { instance() = this; }
    ~explorer() { instance() = nullptr; }
    explorer(const explorer&) = delete;
    explorer& operator=(const explorer&) = delete;

    /// Calls `prepare` for each execution; it gives the bodies of the threads. `check` looks at what they have done.
    /// Returns: how many executions there were.
    std::size_t run(const std::function<std::vector<std::function<void()>>()>& prepare,
                    const std::function<void()>& check) {
        std::size_t executions = 0;
        do {
            execute(prepare());
            check();
            ++executions;
        } while (next_path());
        end_threads();
        return executions;
    }

    /// A thread of the execution is about to do something that others can see. No effect on other threads.
    static void step() {
        if (instance() != nullptr && self() != outside) instance()->decide(false);
    }
    /// As step(), for a thread that cannot go on before another one has made a step.
    static void give_way() {
        if (instance() != nullptr && self() != outside) instance()->decide(true);
    }
    /// Waits until `ready`, which other threads change.
    static void wait(const std::function<bool()>& ready) {
        step();
        while (!ready()) give_way();
    }

private:
    static constexpr std::size_t outside = static_cast<std::size_t>(-1);
    static constexpr int longest = 10'000;

    struct choice {
        std::size_t taken;
        std::size_t count;
    };
    struct participant {
        std::thread thread;
        std::condition_variable turn;
        bool finished = false;
        bool stuck = false;  // has given way, and nobody has made a step since
    };

    static explorer*& instance() {
        static explorer* the = nullptr;
        return the;
    }
    static std::size_t& self() {
        static thread_local std::size_t index = outside;
        return index;
    }

    // The threads live through all executions of one run().
    void execute(std::vector<std::function<void()>> bodies) {
        std::unique_lock lock(mutex_);
        bodies_ = std::move(bodies);
        depth_ = 0;
        preemptions_ = 0;
        steps_ = 0;
        unfinished_ = bodies_.size();
        while (threads_.size() < bodies_.size()) {
            threads_.emplace_back();
            threads_.back().thread = std::thread([this, i = threads_.size() - 1] { live(i); });
        }
        for (participant& each : threads_) each.finished = each.stuck = false;
        hand_to(pick(outside));
        ended_.wait(lock, [this] { return unfinished_ == 0; });
    }

    void live(std::size_t index) {
        self() = index;
        for (;;) {
            std::unique_lock lock(mutex_);
            wait_for_turn(lock);
            if (bodies_.empty()) return;
            lock.unlock();
            bodies_[index]();
            lock.lock();
            active_ = outside;
            threads_[index].finished = true;
            unstick_all();
            if (--unfinished_ == 0) {
                ended_.notify_one();
            } else {
                hand_to(pick(outside));
            }
        }
    }

    void end_threads() {
        {
            const std::lock_guard lock(mutex_);
            bodies_.clear();
        }
        for (std::size_t i = 0; i < threads_.size(); ++i) {
            {
                const std::lock_guard lock(mutex_);
                hand_to(i);
            }
            threads_[i].thread.join();
        }
        threads_.clear();
    }

    void decide(bool give_up) {
        std::unique_lock lock(mutex_);
        const std::size_t me = self();
        if (++steps_ > longest) fail("an execution does not end");
        if (give_up) {
            threads_[me].stuck = true;
        } else {
            unstick_all();
        }
        const std::size_t next = pick(me);
        if (next == me) return;
        hand_to(next);
        wait_for_turn(lock);
    }

    void unstick_all() {
        for (participant& each : threads_) each.stuck = false;
    }

    void wait_for_turn(std::unique_lock<std::mutex>& lock) {
        const std::size_t me = self();
        threads_[me].turn.wait(lock, [&] { return active_ == me; });
    }

    void hand_to(std::size_t next) {
        active_ = next;
        threads_[next].turn.notify_one();
    }

    // Who runs next, along the path that is being explored. The running thread, if it can go on, is the first option.
    std::size_t pick(std::size_t current) {
        std::vector<std::size_t> options;
        const bool can_go_on = current != outside && !threads_[current].stuck;
        if (can_go_on) options.push_back(current);
        if (!can_go_on || preemptions_ < bound_) {
            for (std::size_t i = 0; i < threads_.size(); ++i) {
                if (i != current && !threads_[i].finished && !threads_[i].stuck) options.push_back(i);
            }
        }
        if (options.empty()) fail("deadlock: every thread waits for another one");
        if (depth_ == path_.size()) path_.push_back({0, options.size()});
        const choice& now = path_[depth_++];
        if (can_go_on && now.taken != 0) ++preemptions_;
        return options[now.taken];
    }

    bool next_path() {
        path_.resize(depth_);
        while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
        if (path_.empty()) return false;
        ++path_.back().taken;
        return true;
    }

    [[noreturn]] void fail(const char* what) const {
        std::string schedule;
        for (std::size_t i = 0; i < depth_; ++i) schedule += std::to_string(path_[i].taken) + " ";
        std::fprintf(stderr, "interleave: %s\n  decisions: %s\n", what, schedule.c_str());
        std::abort();
    }

    int bound_;
    std::mutex mutex_;
    std::condition_variable ended_;
    std::vector<choice> path_;
    std::deque<participant> threads_;
    std::vector<std::function<void()>> bodies_;
    std::size_t unfinished_ = 0;
    std::size_t depth_ = 0;
    std::size_t active_ = outside;
    int preemptions_ = 0;
    int steps_ = 0;
};

/// As std::atomic, with a step before every operation.
template <class T>
class atomic {
public:
    atomic() = default;
    constexpr atomic(T value) : value_(value) {}
    atomic(const atomic&) = delete;
    atomic& operator=(const atomic&) = delete;

    template <class... Order>
    T load(Order...) const {
        explorer::step();
        return value_;
    }
    template <class... Order>
    void store(T value, Order...) {
        explorer::step();
        value_ = value;
    }
    template <class... Order>
    T exchange(T value, Order...) {
        explorer::step();
        return std::exchange(value_, value);
    }
    template <class... Order>
    bool compare_exchange_weak(T& expected, T value, Order...) {
        explorer::step();
        if (value_ == expected) {
            value_ = value;
            return true;
        }
        expected = value_;
        return false;
    }
    template <class... Order>
    bool compare_exchange_strong(T& expected, T value, Order... order) {
        return compare_exchange_weak(expected, value, order...);
    }
    template <class... Order>
    T fetch_add(T value, Order...) {
        explorer::step();
        return std::exchange(value_, static_cast<T>(value_ + value));
    }
    template <class... Order>
    T fetch_sub(T value, Order...) {
        explorer::step();
        return std::exchange(value_, static_cast<T>(value_ - value));
    }
    template <class... Order>
    T fetch_or(T value, Order...) {
        explorer::step();
        return std::exchange(value_, static_cast<T>(value_ | value));
    }

private:
    T value_{};
};

}  // namespace interleave
