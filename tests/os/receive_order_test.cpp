// bide/os: a backend may receive before it is asked to: nothing is lost, late, out of order or taken from others.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <deque>
#include <thread>

#include "os/sockets.hpp"

namespace os_tests {

namespace {

struct how {
    variant backend;
    bool nonblocking = false;
};
void PrintTo(const how& h, std::ostream* out) { *out << h.backend.name; }

std::vector<how> ways() {
    std::vector<how> all;
    for (const variant& each : variants()) {
        all.push_back({each, false});
        all.push_back({each, true});
    }
    return all;
}

class receiving : public ::testing::TestWithParam<how> {
protected:
    rig on{GetParam().backend};
    fd_pair pair = make_sockets(GetParam().nonblocking);
    op_node node{recv_lent_op, {.fd = pair.a.get(), .size = lent_size}};

    void write(std::string_view text) const {
        ASSERT_EQ(::write(pair.b.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    std::string receive(std::size_t at_a_time = 4096) const {
        std::string all;
        std::string some(at_a_time, '\0');
        for (;;) {
            const std::ptrdiff_t count = on.os->receive_now(pair.a.get(), some.data(), some.size());
            if (count <= 0) return all;
            all.append(some, 0, static_cast<std::size_t>(count));
        }
    }
    // What an operation brings, and no more.
    std::string next() {
        if (on.run(node) <= 0) return "result " + std::to_string(node.result());
        return taken();
    }
    std::string taken() {
        op_args& args = node.operation.args;
        if (args.data == nullptr) return receive();
        std::string text(static_cast<const char*>(args.data), static_cast<std::size_t>(node.result()));
        on.os->give_back(std::exchange(args.data, nullptr));
        return text;
    }
    [[nodiscard]] int in_socket() const {
        int count = -1;
        ::ioctl(pair.a.get(), FIONREAD, &count);
        return count;
    }
    // The number belongs to another socket from now on.
    void replace_descriptor() {
        on.os->forget(pair.a.get());
        fd_pair other = make_sockets(GetParam().nonblocking);
        ASSERT_EQ(::dup2(other.a.get(), pair.a.get()), pair.a.get());
        std::swap(pair.b, other.b);
    }
    // From here on a ring receives whatever comes.
    void begin() {
        write("begin");
        ASSERT_EQ(next(), "begin");
    }
};

TEST_P(receiving, gives_first_what_came_first) {
    begin();
    write("one ");
    on.settle();  // nobody waits
    write("two ");
    EXPECT_EQ(receive(3), "one two ");
    write("three ");
    on.settle();
    write("four");
    std::string rest = next();
    rest += receive();
    EXPECT_EQ(rest, "three four");
}

TEST_P(receiving, takes_no_more_than_a_little_for_somebody_who_does_not_ask) {
    begin();
    for (int i = 0; i < 20; ++i) {
        write(std::string(1000, static_cast<char>('a' + i)));
        on.settle();
    }
    EXPECT_GE(in_socket(), 18 * 1000);
    const std::string all = receive();
    ASSERT_EQ(all.size(), 20'000U);
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<char>('a' + i / 1000)) << i;
}

TEST_P(receiving, of_much_is_in_order) {
    begin();
    std::string sent;
    for (int i = 0; sent.size() < 40'000; ++i) sent += std::to_string(i) + ' ';
    write(sent);
    std::string got;
    while (got.size() < sent.size()) {
        const std::string piece = next();
        ASSERT_FALSE(piece.starts_with("result")) << piece;
        got += piece;
        if (got.size() % 3 == 0) got += receive(700);
    }
    EXPECT_EQ(got, sent);
}

TEST_P(receiving, waits_only_for_what_has_not_come) {
    begin();
    op_node wait(recv_wait_op, {.fd = pair.a.get()});
    on.os->submit(wait);
    on.settle();
    EXPECT_FALSE(on.has(wait));
    write("later");
    ASSERT_TRUE(on.wait_for(wait));
    EXPECT_GT(wait.result(), 0);
    EXPECT_EQ(receive(), "later");
    begin();
    write("now");
    on.settle();
    EXPECT_GT(on.run(wait), 0);
    EXPECT_EQ(receive(), "now");
}

TEST_P(receiving, goes_on_after_a_cancellation) {
    begin();
    for (int i = 0; i < 3; ++i) {
        on.handed_over.clear();
        on.os->submit(node);
        if (i != 0) on.settle();
        on.os->cancel(node);
        if (i == 2) write("meanwhile ");
        ASSERT_TRUE(on.wait_for(node));
        std::string got = node.result() == -ECANCELED ? "" : taken();
        on.settle();
        write("afterwards");
        const std::string expected = i == 2 ? "meanwhile afterwards" : "afterwards";
        while (got.size() < expected.size()) got += next();
        EXPECT_EQ(got, expected);
    }
}

TEST_P(receiving, leaves_the_bytes_to_others_after_a_cancellation) {
    begin();
    on.handed_over.clear();
    on.os->submit(node);
    on.settle();
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), -ECANCELED);
    on.settle();
    write("for somebody else");
    on.settle();
    EXPECT_EQ(drain(pair.a.get()), "for somebody else");
}

TEST_P(receiving, ends_with_the_descriptor) {
    begin();
    on.os->submit(node);
    on.settle();
    write("old");
    replace_descriptor();
    ASSERT_TRUE(on.wait_for(node));
    if (node.result() > 0) taken();
    on.settle();
    write("new");
    EXPECT_EQ(next(), "new");
    on.settle();
    EXPECT_EQ(receive(), "");
}

TEST_P(receiving, forgets_what_was_kept_with_the_descriptor) {
    begin();
    write("kept");
    on.settle();
    replace_descriptor();
    write("fresh");
    EXPECT_EQ(receive(), "fresh");
    op_node again(recv_lent_op, {.fd = pair.a.get(), .size = lent_size});
    on.os->submit(again);
    on.settle();
    EXPECT_FALSE(on.has(again));
    on.os->cancel(again);
    ASSERT_TRUE(on.wait_for(again));
}

TEST_P(receiving, tells_the_end_to_everybody_who_asks) {
    begin();
    write("last");
    pair.b.reset();
    on.settle();
    EXPECT_EQ(next(), "last");
    for (int i = 0; i < 2; ++i) EXPECT_EQ(on.run(node), 0);
    char byte = 0;
    EXPECT_EQ(on.os->receive_now(pair.a.get(), &byte, 1), 0);
}

// The kernel says so once, whoever asks.
TEST_P(receiving, keeps_an_error_that_came_while_nobody_waited) {
    pair = make_tcp_pair(GetParam().nonblocking);
    node.operation.args.fd = pair.a.get();
    begin();
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(pair.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    pair.b.reset();
    on.settle();
    EXPECT_EQ(on.run(node), -ECONNRESET);
    EXPECT_EQ(on.run(node), 0);
}

TEST_P(receiving, gives_an_error_behind_the_bytes) {
    pair = make_tcp_pair(GetParam().nonblocking);
    node.operation.args.fd = pair.a.get();
    begin();
    write("last words");
    on.settle();
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(pair.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    pair.b.reset();
    on.settle();
    std::string got(100, '\0');
    const std::ptrdiff_t count = on.os->receive_now(pair.a.get(), got.data(), got.size());
    if (count > 0) {  // else a reset has thrown them away, as it does without a backend
        EXPECT_EQ(got.substr(0, static_cast<std::size_t>(count)), "last words");
        EXPECT_EQ(on.run(node), -ECONNRESET);
    } else {
        EXPECT_EQ(count, -ECONNRESET);
    }
    EXPECT_EQ(on.run(node), 0);
}

// A receive that finds much is busy when it is asked to end.
TEST_P(receiving, of_much_ends_when_it_is_asked_to) {
    const std::size_t before = fill(pair.b.get());
    on.os->submit(node);
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    std::string got = node.result() > 0 ? taken() : std::string();
    for (int i = 0; i < 20; ++i) on.settle();
    got += receive();
    for (int i = 0; i < 20; ++i) {
        write(std::string(1000, 'f'));
        on.settle();
    }
    EXPECT_GE(in_socket(), 18 * 1000);
    got += receive();
    EXPECT_EQ(got.size(), before + 20'000);
}

// Much may have come before the kernel hears that nobody waits any more.
TEST_P(receiving, of_much_leaves_nearly_all_with_the_kernel) {
    for (const bool tcp : {false, true}) {
        if (tcp) pair = make_tcp_pair(GetParam().nonblocking);
        node.operation.args.fd = pair.a.get();
        const std::size_t sent = fill(pair.b.get());
        const int before = in_socket();
        std::string got = next();
        for (int i = 0; i < 20; ++i) on.settle();
        EXPECT_LE(before - in_socket(), 64 * 1024);
        while (got.size() < sent) got += next();
        EXPECT_EQ(got.size(), sent);
    }
}

TEST_P(receiving, that_has_not_begun_takes_nothing_from_the_next_socket) {
    for (const bool cancelled : {false, true}) {
        on.handed_over.clear();
        on.os->submit(node);
        if (cancelled) on.os->cancel(node);
        replace_descriptor();
        write("new");
        ASSERT_TRUE(on.wait_for(node));
        EXPECT_EQ(node.result(), -ECANCELED);
        EXPECT_EQ(next(), "new");
    }
}

// What the kernel has armed holds the socket.
TEST_P(receiving, ends_at_once_with_the_descriptor_although_nobody_polls) {
    begin();
    on.os->forget(pair.a.get());
    pair.a.reset();
    pollfd peer{.fd = pair.b.get(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(::poll(&peer, 1, 0), 1);
}

TEST_P(receiving, waits_although_nothing_is_left_to_lend) {
    const fd_pair other = make_sockets();
    std::deque<op_node> holding;
    for (int i = 0; i < 1024; ++i) {
        ASSERT_EQ(::write(other.b.get(), "x", 1), 1);
        ASSERT_EQ(on.run(holding.emplace_back(recv_lent_op, op_args{.fd = other.a.get(), .size = lent_size})),
                  1);
    }
    write("data");
    on.os->submit(node);
    on.os->cancel(node);
    op_node wait(recv_wait_op, {.fd = pair.a.get()});
    on.os->submit(wait);
    ASSERT_TRUE(on.wait_for(node));
    std::string got = node.result() > 0 ? taken() : std::string();
    if (!got.empty()) on.os->cancel(wait);  // else it says that there is something
    ASSERT_TRUE(on.wait_for(wait));
    got += receive();
    EXPECT_EQ(got, "data");
    for (op_node& each : holding) on.os->give_back(std::exchange(each.operation.args.data, nullptr));
}

// More completions than the ring has room for: the kernel keeps the rest back.
TEST_P(receiving, sees_completions_that_the_kernel_keeps_back) {
    const fd_pair readable = make_sockets();
    ASSERT_EQ(::write(readable.b.get(), "x", 1), 1);
    begin();
    std::deque<op_node> many;
    for (int i = 0; i < 5000; ++i)
        on.os->submit(many.emplace_back(poll_read_op, op_args{.fd = readable.a.get()}));
    write("first ");
    on.poll_for(0);
    write("second");
    EXPECT_EQ(receive(), "first second");
    for (const op_node& each : many) {
        while (!each.done()) on.poll_for(0);
    }
    on.settle();
}

// flush() may have the kernel complete what is armed, and nobody has looked at that yet.
TEST_P(receiving, sees_completions_that_nobody_has_looked_at) {
    const fd_pair other = make_sockets();
    begin();
    write("first ");
    op_node unrelated(poll_read_op, {.fd = other.a.get()});
    on.os->submit(unrelated);
    static_cast<void>(on.os->flush());
    write("second");
    EXPECT_EQ(receive(), "first second");
    on.os->cancel(unrelated);
    ASSERT_TRUE(on.wait_for(unrelated));
}

TEST_P(receiving, serves_a_second_waiter_too) {
    begin();
    op_node second(recv_lent_op, {.fd = pair.a.get(), .size = lent_size});
    on.handed_over.clear();
    on.os->submit(node);
    on.os->submit(second);
    on.settle();
    write("a");
    on.settle();
    write("b");
    on.settle();
    for (op_node* each : {&node, &second}) {
        if (!on.has(*each)) on.os->cancel(*each);
        ASSERT_TRUE(on.wait_for(*each));
        if (each->result() > 0 && each->operation.args.data != nullptr)
            on.os->give_back(std::exchange(each->operation.args.data, nullptr));
    }
}

// The kernel ends what is armed with its thread.
TEST_P(receiving, comes_back_when_the_thread_has_ended) {
    std::thread([this] {
        on.os = GetParam().backend.make();
        begin();
        write("kept");
        on.settle();
        ASSERT_EQ(next(), "kept");
        on.os->submit(node);
        on.settle();
    }).join();
    write("late");
    on.handed_over.clear();
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    if (node.result() > 0) taken();
    EXPECT_EQ(on.os->in_flight(), 0U);
    on.os->forget(pair.a.get());
}

INSTANTIATE_TEST_SUITE_P(backends, receiving, ::testing::ValuesIn(ways()), [](const auto& of) {
    return of.param.backend.name + (of.param.nonblocking ? "_nonblocking" : "");
});

}  // namespace

}  // namespace os_tests
