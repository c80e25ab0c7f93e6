// bide/exec: one thread that waits for several concurrent futures.
#include <bide/detail/exec/completion_watch.hpp>

#include <bide/error.hpp>
#include <bide/time.hpp>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <unordered_set>

namespace bide::detail {

struct completion_watch::arrivals {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::size_t> done;
    std::unordered_set<concurrent_core*> watched;  // only for the thread that waits

    void arrive(std::size_t number) {
        {
            const std::lock_guard lock(mutex);
            done.push_back(number);
        }
        changed.notify_one();
    }
};

completion_watch::completion_watch() : arrivals_(std::make_shared<arrivals>()) {}

completion_watch::~completion_watch() {
    for (concurrent_core* const each : arrivals_->watched) {
        each->remove_callback(arrivals_.get());
        each->release();
    }
}

bool completion_watch::add(concurrent_core& what) {
    const std::size_t number = arrivals_->watched.size();
    if (!arrivals_->watched.insert(&what).second) return false;
    what.retain();
    what.add_callback([list = arrivals_, number](concurrent_core&) { list->arrive(number); },
                      arrivals_.get());
    return true;
}

std::size_t completion_watch::size() const noexcept { return arrivals_->watched.size(); }

std::size_t completion_watch::next(std::int64_t deadline) {
    std::unique_lock lock(arrivals_->mutex);
    const auto some = [this] { return !arrivals_->done.empty(); };
    if (!some()) {
        lock.unlock();
        check_thread();
        lock.lock();
    }
    if (deadline == no_deadline) {
        arrivals_->changed.wait(lock, some);
    } else {
        const std::chrono::steady_clock::time_point until{std::chrono::nanoseconds(deadline)};
        if (!arrivals_->changed.wait_until(lock, until, some)) {
            throw timeout_error("the concurrent futures were not done in time");
        }
    }
    const std::size_t number = arrivals_->done.front();
    arrivals_->done.pop_front();
    return number;
}

bool completion_watch::next_done(std::size_t& number) {
    const std::lock_guard lock(arrivals_->mutex);
    if (arrivals_->done.empty()) return false;
    number = arrivals_->done.front();
    arrivals_->done.pop_front();
    return true;
}

void completion_watch::check_thread() const {
    if (this_loop == nullptr) return;  // no loop that this would stop
    for (const concurrent_core* const each : arrivals_->watched) each->check_may_wait();
}

}  // namespace bide::detail
