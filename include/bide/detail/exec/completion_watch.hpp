// bide/exec: one thread that waits for several concurrent futures.
#pragma once

#include <bide/detail/exec/concurrent_core.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

namespace bide::detail {

// Collects the numbers of the futures that are done, in the order in which they end. The callbacks share the list with
// this object, so one that is being called while the watch goes away finds it still there.
class completion_watch {
public:
    completion_watch();
    ~completion_watch();
    completion_watch(const completion_watch&) = delete;
    completion_watch& operator=(const completion_watch&) = delete;

    // The future gets the next number. One that is in it already is not added: false.
    bool add(concurrent_core& what);

    // Blocks until one more is done than next() has given, and gives its number. Throws timeout_error, and
    // invalid_state_error where concurrent_core::wait does.
    std::size_t next(std::int64_t deadline);
    // As next(), without waiting: false when nothing more is done yet.
    bool next_done(std::size_t& number);

    [[nodiscard]] std::size_t size() const noexcept;

private:
    struct arrivals;
    void check_thread() const;

    std::shared_ptr<arrivals> arrivals_;
};

}  // namespace bide::detail
