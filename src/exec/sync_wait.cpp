// bide/exec: the loop that a thread keeps for its synchronous calls.
#include <bide/sync_wait.hpp>

#include <cstdint>
#include <memory>

#include "os/fork_count.hpp"

namespace bide {

namespace detail {

namespace {

// The child of a fork leaves its parent's loop as it is and makes one of its own.
class kept_runner {
public:
    kept_runner() = default;
    kept_runner(const kept_runner&) = delete;
    kept_runner& operator=(const kept_runner&) = delete;
    ~kept_runner() { forget_inherited(); }

    runner& get() {
        forget_inherited();
        if (runner_ == nullptr) {
            runner_ = std::make_unique<runner>();
            made_in_ = fork_count();
        }
        return *runner_;
    }

private:
    void forget_inherited() noexcept {
        if (made_in_ != fork_count()) static_cast<void>(runner_.release());
    }

    std::unique_ptr<runner> runner_;
    std::uint32_t made_in_ = 0;
};

}  // namespace

runner& thread_runner() {
    static thread_local kept_runner kept;
    return kept.get();
}

}  // namespace detail

event_loop& sync_loop() { return detail::thread_runner().get_loop(); }

}  // namespace bide
