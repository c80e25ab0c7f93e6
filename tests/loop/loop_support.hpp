// bide/loop: loops to test: in virtual time, and on a clock that the test moves by hand.
#pragma once

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <bide/error.hpp>
#include <bide/loop.hpp>

#include "loop/loop_core.hpp"
#include "os/backend.hpp"
#include "os/fd.hpp"
#include "support/expect.hpp"
#include "testing/test_backend.hpp"

namespace loop_tests {

using namespace std::chrono_literals;
using bide::detail::unique_fd;
using bide_test::has;
using bide_test::noted;
using bide_test::report_log;
using bide_test::thrown;

using log = std::vector<std::string>;

// As asyncio's: it looks at the operating system before every turn.
inline bide::loop_options like_asyncio() { return bide::loop_options().poll_interval(1); }

// Sleeps take no time; operations are real.
class virtual_loop : public bide::event_loop {
public:
    explicit virtual_loop(const bide::loop_options& options = like_asyncio())
        : virtual_loop(make(), options) {}

    /// The backend below; it belongs to the loop.
    bide::detail::test_backend& os;

    void run_for(bide::duration span) {
        call_later(span, [this] { stop(); });
        run_forever();
    }

private:
    virtual_loop(std::unique_ptr<bide::detail::test_backend> backend, const bide::loop_options& options)
        : event_loop(std::move(backend), options), os(static_cast<bide::detail::test_backend&>(*core().os)) {
        os.attach(state());
    }
    static std::unique_ptr<bide::detail::test_backend> make() {
        auto real = bide::detail::choose_backend(bide::detail::backend_kind::automatic);
        return std::make_unique<bide::detail::test_backend>(std::move(real.chosen), true);
    }
};

// The clock shows what the test says; waiting for a deadline moves it there.
class scripted_backend final : public bide::detail::backend {
public:
    void submit(bide::detail::timer_node& node) noexcept override {
        ++in_flight_;
        held = &node;
    }
    void cancel(bide::detail::timer_node& node) noexcept override { node.request->result = -ECANCELED; }
    void poll(std::int64_t deadline, bide::detail::ready_queue& done) noexcept override {
        polls.push_back(deadline);
        if (deadline != 0 && deadline != bide::detail::no_deadline) clock = std::max(clock, deadline);
        if (held == nullptr) return;
        held->request->state = bide::detail::op_state::done;
        --in_flight_;
        done.push(*std::exchange(held, nullptr));
    }
    void wake() noexcept override {}
    void forget(int) noexcept override {}
    std::int64_t now() noexcept override { return clock; }
    [[nodiscard]] const char* name() const noexcept override { return "scripted"; }

    std::int64_t clock = 1'000'000'000;
    std::vector<std::int64_t> polls;  // the deadlines asked for
    bide::detail::timer_node* held = nullptr;
};

struct scripted_loop {
    explicit scripted_loop(const bide::loop_options& options = like_asyncio())
        : loop(std::make_unique<scripted_backend>(), options),
          os(static_cast<scripted_backend&>(*loop.core().os)) {}
    void pass(bide::duration span) { os.clock += span.count(); }

    bide::event_loop loop;
    scripted_backend& os;
};

struct fd_pair {
    unique_fd a;
    unique_fd b;
};
inline fd_pair make_sockets() {
    int fds[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    return {unique_fd(fds[0]), unique_fd(fds[1])};
}
inline void write_to(int fd, const std::string& text) {
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
}
inline std::string read_from(int fd) {
    char buffer[4096];
    const auto size = ::read(fd, buffer, sizeof buffer);
    return size < 0 ? std::string() : std::string(buffer, static_cast<std::size_t>(size));
}

}  // namespace loop_tests
