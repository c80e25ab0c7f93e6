// bide/os: the one seam between bide and the operating system.
#pragma once

#include <bide/detail/base/ready_queue.hpp>
#include <bide/detail/os/op.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "os/fork_count.hpp"
#include "os/sock.hpp"

namespace bide::detail {

// Who has bytes sent by send_now(). Before it goes, and before it closes the descriptor, it calls send_held().
class send_owner {
public:
    // The socket had no room for `rest`, or an error (0: none) has lost it. Calls no backend: this comes from its calls.
    virtual void not_sent(std::string_view rest, int error) noexcept = 0;

protected:
    ~send_owner() = default;
};

// Everything above asks the operating system for anything only through these calls, but for wake() from one thread: the
// first that polls. Another thread may poll when that one has ended, to take back what was in flight.
// Virtual time, fault injection and simulated networks are further implementations of this class.
class backend {
public:
    virtual ~backend() = default;
    backend(const backend&) = delete;
    backend& operator=(const backend&) = delete;

    // Starts the operation in node.request. The node comes back through poll(), never before this returns.
    virtual void submit(timer_node& node) noexcept = 0;

    // Asks for an operation in flight to end. Its node still comes back through poll(), with what it did.
    virtual void cancel(timer_node& node) noexcept = 0;

    // Appends the nodes of finished operations to `done`. Sleeps until there is one, wake() was called or the clock
    // has reached `deadline` (nanoseconds; 0: does not sleep; no_deadline: no limit). May return early with nothing.
    virtual void poll(std::int64_t deadline, ready_queue& done) noexcept = 0;

    // Ends a poll() that sleeps, or the next one that would. Any thread, and signal handlers.
    virtual void wake() noexcept = 0;

    // For a loop that somebody else's loop polls: a descriptor that is readable when poll(0) has something to find. From
    // the first call on poll(0) takes wake-ups back, too. -1: there is none. The thread is that of poll().
    [[nodiscard]] virtual int descriptor() noexcept { return -1; }
    // Begins what is only queued, as a poll() that sleeps does. True: poll(0) has something to find, whatever the
    // descriptor says.
    virtual bool flush() noexcept { return true; }

    // The descriptor is about to be closed: operations in flight on it come back with -ECANCELED.
    virtual void forget(int fd) noexcept = 0;

    // Nanoseconds on this backend's clock; it never goes backwards.
    virtual std::int64_t now() noexcept = 0;

    [[nodiscard]] virtual const char* name() const noexcept = 0;

    // The bytes that a recv_lent_op has brought were looked at: `data` is what it was set to, or null. Soon, because
    // there is a limited number of such pieces.
    virtual void give_back(void*) noexcept {}

    // Whether what a recv_lent_op brings lies in a block of the pool, of lent_size, that whoever received it may keep in
    // place of giving it back.
    [[nodiscard]] bool gives_away() const noexcept { return gives_away_; }

    // recv(2) at once or -EAGAIN, on a descriptor on which recv_lent_op receives, too: what a backend has received before
    // it was asked for comes first.
    virtual std::ptrdiff_t receive_now(int fd, void* data, std::size_t size) noexcept {
        return sys::recv_now(fd, data, size);
    }

    // send(2) at once or -EAGAIN. Where `others_follow`, who may want to send in this turn of the loop, up to `most_held`
    // bytes of each descriptor may be held until theirs join them, or send_held(): all has been taken then, and `owner`
    // hears of what could not be sent.
    static constexpr std::size_t most_held = 2048;
    virtual std::ptrdiff_t send_now(int fd, std::string_view bytes, send_owner& owner,
                                    bool others_follow) noexcept {
        static_cast<void>(owner);
        static_cast<void>(others_follow);
        return sys::send_now(fd, bytes.data(), bytes.size());
    }
    // At the end of a turn, and before whatever must come behind what was sent.
    virtual void send_held() noexcept {}
    [[nodiscard]] bool holds_sends() const noexcept { return holds_sends_; }

    // Operations whose node has not come back. While it is 0, poll(0) has nothing to find and need not be called.
    [[nodiscard]] std::uint32_t in_flight() const noexcept { return in_flight_; }

    // Made before a fork: in the child, where only cancel(), forget() and the destructor may be called; they do nothing
    // that the parent could notice. What is in flight is the parent's and never comes back here.
    [[nodiscard]] bool inherited() const noexcept { return made_in_ != fork_count(); }

protected:
    explicit backend(bool gives_away = false) noexcept : gives_away_(gives_away) {}
    std::uint32_t in_flight_ = 0;
    bool holds_sends_ = false;

private:
    const std::uint32_t made_in_ = fork_count();
    const bool gives_away_;
};

enum class backend_kind { automatic, epoll, io_uring };

struct backend_choice {
    std::unique_ptr<backend> chosen;
    std::string reason;  // one sentence: why this one
};

// Picks io_uring where the kernel lets it and epoll otherwise. `wanted` beats the environment variable BIDE_BACKEND
// ("epoll", "io_uring", "auto"), which beats the probe. Throws std::system_error when the one that was asked for by
// name cannot be had, std::invalid_argument for an unknown name.
backend_choice choose_backend(backend_kind wanted);

std::unique_ptr<backend> make_epoll_backend();
// Null, with the reason in `why`, where the kernel or its settings do not allow it or bide was built without it.
// `oldest`: uses nothing that came after the oldest kernel it runs on, to test that.
std::unique_ptr<backend> make_uring_backend(std::string& why, bool oldest = false);

std::int64_t monotonic_now() noexcept;

// From now until the deadline on that clock; 0 when it has passed.
std::int64_t time_left(std::int64_t deadline) noexcept;

// Writing to a pipe that nobody reads, or beyond the largest size of a file, is to fail (EPIPE, EFBIG), not to end the
// process: ignores SIGPIPE and SIGXFSZ where they have their default action, as Python does. Every backend begins so.
void ignore_write_signals() noexcept;

}  // namespace bide::detail
