// bide/os: a backend may hold small sends back until others join them: nothing is lost, late, sent twice or out of order.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <poll.h>
#include <sys/wait.h>

#include <cerrno>
#include <deque>
#include <thread>

#include "os/sockets.hpp"

namespace os_tests {

namespace {

// Keeps what could not be sent.
struct keeper final : send_owner {
    std::string rest;
    int error = 0;
    int calls = 0;
    void not_sent(std::string_view what, int why) noexcept override {
        rest += what;
        error = why;
        ++calls;
    }
};

class sending : public ::testing::TestWithParam<variant> {
protected:
    rig on{GetParam()};
    fd_pair pair = make_sockets();
    keeper owner;

    std::ptrdiff_t send(const fd_pair& to, std::string_view text, bool others_follow = true) {
        return on.os->send_now(to.a.get(), text, owner, others_follow);
    }
    // All of it is taken.
    void give(const fd_pair& to, std::string_view text, bool others_follow = true) {
        ASSERT_EQ(send(to, text, others_follow), static_cast<std::ptrdiff_t>(text.size()));
    }
    // A ring may enter the kernel from its first poll() on.
    [[nodiscard]] bool holds() const {
        return std::string_view(on.os->name()) == "io_uring" && GetParam().warm;
    }
    void expect_at(const fd_pair& to, std::string_view text) const { EXPECT_EQ(drain(to.b.get()), text); }
};

TEST_P(sending, alone_happens_at_once) {
    give(pair, "alone", false);
    EXPECT_FALSE(on.os->holds_sends());
    expect_at(pair, "alone");
}

TEST_P(sending, with_others_behind_happens_by_the_end_of_the_turn) {
    const fd_pair other = make_sockets();
    give(pair, "first");
    give(other, "second");
    EXPECT_EQ(on.os->holds_sends(), holds());
    if (holds()) expect_at(pair, "");
    on.os->send_held();
    EXPECT_FALSE(on.os->holds_sends());
    expect_at(pair, "first");
    expect_at(other, "second");
    EXPECT_EQ(owner.calls, 0);
    on.os->send_held();  // nothing is held
    on.settle();
    expect_at(pair, "");
    EXPECT_EQ(on.os->in_flight(), 0U);
}

TEST_P(sending, of_the_last_one_takes_the_others_along) {
    const fd_pair other = make_sockets();
    give(pair, "first");
    give(other, "last", false);
    EXPECT_FALSE(on.os->holds_sends());
    expect_at(pair, "first");
    expect_at(other, "last");
}

TEST_P(sending, waits_for_no_more_than_eight) {
    std::deque<fd_pair> pairs;
    for (int i = 0; i < 8; ++i) give(pairs.emplace_back(make_sockets()), std::to_string(i));
    EXPECT_FALSE(on.os->holds_sends());
    for (int i = 0; i < 8; ++i) expect_at(pairs[static_cast<std::size_t>(i)], std::to_string(i));
    give(pair, "ninth");
    on.os->send_held();
    expect_at(pair, "ninth");
}

TEST_P(sending, keeps_the_order_of_little_and_much) {
    const std::string much(20'000, 'm');
    give(pair, "one ");
    give(pair, "two ");
    give(pair, much);
    EXPECT_FALSE(on.os->holds_sends());
    give(pair, " three");
    on.os->send_held();
    expect_at(pair, "one two " + much + " three");
}

TEST_P(sending, of_much_does_not_wait) {
    const fd_pair other = make_sockets();
    give(other, "held");
    const std::string much(20'000, 'm');
    give(pair, much);
    expect_at(pair, much);
    on.os->send_held();
    expect_at(other, "held");
}

TEST_P(sending, gives_back_what_there_is_no_room_for) {
    for (const bool tcp : {false, true}) {
        if (tcp) pair = make_tcp_pair();
        fill(pair.a.get());
        const std::ptrdiff_t taken = send(pair, "no room");
        on.os->send_held();
        if (holds()) {
            EXPECT_EQ(taken, 7);
            EXPECT_EQ(owner.rest, "no room");
            EXPECT_EQ(owner.calls, 1);
        } else {
            EXPECT_EQ(taken, -EAGAIN);
        }
        EXPECT_EQ(owner.error, 0);
        owner = {};
    }
}

// Sends of which the kernel takes a part.
TEST_P(sending, gives_back_exactly_the_rest) {
    pair = make_tcp_pair();
    const int little = 4096;
    ASSERT_EQ(::setsockopt(pair.a.get(), SOL_SOCKET, SO_SNDBUF, &little, sizeof little), 0);
    std::string expected;
    std::string got;
    int parts = 0;
    for (std::size_t i = 0; i < 20'000 && parts < 50; ++i) {
        std::string piece(1 + i * 37 % 2048, static_cast<char>('a' + i % 26));
        expected += piece;
        const std::size_t size = piece.size();
        const std::ptrdiff_t taken = send(pair, piece);
        on.os->send_held();
        if (taken > 0) piece.erase(0, static_cast<std::size_t>(taken));
        std::string rest = std::exchange(owner.rest, {}) + piece;
        if (!rest.empty() && rest.size() < size) ++parts;
        while (!rest.empty()) {
            got += drain(pair.b.get());
            const std::ptrdiff_t sent = ::send(pair.a.get(), rest.data(), rest.size(), MSG_DONTWAIT);
            if (sent > 0) rest.erase(0, static_cast<std::size_t>(sent));
        }
    }
    EXPECT_GT(parts, 0);
    ::shutdown(pair.a.get(), SHUT_WR);
    char some[4096];
    pollfd peer{.fd = pair.b.get(), .events = POLLIN, .revents = 0};
    while (::poll(&peer, 1, 30'000) == 1) {
        const ssize_t count = ::recv(pair.b.get(), some, sizeof some, 0);
        if (count <= 0) break;
        got.append(some, static_cast<std::size_t>(count));
    }
    EXPECT_TRUE(got == expected);
    EXPECT_EQ(owner.error, 0);
}

// Even if there is room by then.
TEST_P(sending, of_much_comes_behind_what_there_was_no_room_for) {
    struct reader final : send_owner {
        int fd = -1;
        std::string rest;
        void not_sent(std::string_view what, int) noexcept override {
            rest += what;
            drain(fd);
        }
    };
    fill(pair.a.get());
    reader peer;
    peer.fd = pair.b.get();
    const std::ptrdiff_t taken = on.os->send_now(pair.a.get(), "before", peer, true);
    EXPECT_EQ(taken, holds() ? 6 : -EAGAIN);
    EXPECT_EQ(on.os->send_now(pair.a.get(), std::string(20'000, 'b'), peer, true), -EAGAIN);
    EXPECT_EQ(peer.rest, holds() ? "before" : "");
}

TEST_P(sending, tells_each_owner_of_its_own) {
    const fd_pair full = make_sockets();
    fd_pair broken = make_sockets();
    fill(full.a.get());
    broken.b.reset();
    if (!holds()) {
        EXPECT_EQ(send(broken, "lost"), -EPIPE);
        return;
    }
    keeper of_full;
    keeper of_broken;
    give(pair, "well");
    EXPECT_EQ(on.os->send_now(full.a.get(), "late", of_full, true), 4);
    EXPECT_EQ(on.os->send_now(broken.a.get(), "lost", of_broken, true), 4);
    on.os->send_held();
    expect_at(pair, "well");
    EXPECT_EQ(owner.calls, 0);
    EXPECT_EQ(of_full.rest, "late");
    EXPECT_EQ(of_full.error, 0);
    EXPECT_EQ(of_broken.rest, "lost");
    EXPECT_EQ(of_broken.error, EPIPE);
}

// The ring has completions that nobody has looked at, and no room for more.
TEST_P(sending, is_known_to_have_ended_although_the_kernel_keeps_completions_back) {
    const fd_pair full = make_sockets();
    ASSERT_EQ(::write(pair.b.get(), "x", 1), 1);
    fill(full.a.get());
    std::deque<op_node> many;
    for (int i = 0; i < 5000; ++i)
        on.os->submit(many.emplace_back(poll_read_op, op_args{.fd = pair.a.get()}));
    static_cast<void>(on.os->flush());
    give(pair, "through");
    if (holds()) give(full, "not");
    on.os->send_held();
    EXPECT_FALSE(on.os->holds_sends());
    expect_at(pair, "through");
    EXPECT_EQ(owner.rest, holds() ? "not" : "");
    for (const op_node& each : many) {
        while (!each.done()) on.poll_for(0);
    }
    on.settle();
    EXPECT_EQ(on.os->in_flight(), 0U);
}

// What arrives is not for the backend to keep while whoever wants it has not run in this turn.
TEST_P(sending, leaves_what_arrives_to_who_waits_for_it_at_the_end_of_the_turn) {
    const fd_pair other = make_sockets();
    op_node wait(recv_lent_op, {.fd = other.a.get(), .size = lent_size});
    for (const std::string_view text : {"begin", "again"}) {
        ASSERT_EQ(::write(other.b.get(), text.data(), text.size()), 5);
        // The first call may find it, the second one has it before its own completions.
        for (int i = 0; i < 2; ++i) {
            give(pair, "sent");
            on.os->send_held();
        }
        expect_at(pair, "sentsent");
        ASSERT_EQ(on.run(wait), 5);
        EXPECT_TRUE(!holds() || wait.operation.args.data != nullptr) << text;
        on.os->give_back(std::exchange(wait.operation.args.data, nullptr));
    }
}

TEST_P(sending, is_made_up_for_when_the_thread_has_ended) {
    std::thread([this] {
        on.os = GetParam().make();
        if (GetParam().warm) on.poll_for(0);
        give(pair, "held");
    }).join();
    EXPECT_EQ(on.os->holds_sends(), holds());
    on.os->send_held();
    expect_at(pair, "held");
    give(pair, "at once");
    expect_at(pair, "at once");
}

TEST_P(sending, happens_once_when_the_process_forks) {
    give(pair, "once");
    const pid_t child = ::fork();
    if (child == 0) {
        on.os->send_held();
        ::_exit(on.os->holds_sends() ? 1 : 0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    on.os->send_held();
    expect_at(pair, "once");
}

INSTANTIATE_TEST_SUITE_P(backends, sending, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

}  // namespace

}  // namespace os_tests
