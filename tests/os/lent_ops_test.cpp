// bide/os: memory that a backend lends to those who receive.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <sys/resource.h>

#include <deque>

namespace os_tests {

namespace {

class lent_memory : public ::testing::TestWithParam<variant> {
protected:
    rig on{GetParam()};

    static op_args at_most(int fd, std::size_t size) { return {.fd = fd, .size = size}; }
    static void write_to(const unique_fd& fd, std::string_view text) {
        ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    // All that can be had at once.
    [[nodiscard]] std::string receive(int fd, std::size_t at_a_time = 4096) const {
        std::string all;
        std::string some(at_a_time, '\0');
        for (;;) {
            const std::ptrdiff_t count = on.os->receive_now(fd, some.data(), some.size());
            if (count <= 0) return all;
            all.append(some, 0, static_cast<std::size_t>(count));
        }
    }
    // What has come with it, or is there now that it says so; gives the memory back.
    std::string take(op_node& node) const {
        op_args& args = node.operation.args;
        if (args.data == nullptr) return receive(args.fd);
        std::string text(static_cast<const char*>(args.data), static_cast<std::size_t>(node.result()));
        on.os->give_back(std::exchange(args.data, nullptr));
        return text;
    }
};

TEST_P(lent_memory, has_what_arrives_while_it_is_waited_for) {
    const fd_pair pair = make_sockets();
    op_node node(recv_lent_op, at_most(pair.a.get(), lent_size));
    on.os->submit(node);
    on.settle();
    EXPECT_FALSE(on.has(node));
    write_to(pair.b, "ping");
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_GT(node.result(), 0);
    EXPECT_EQ(take(node), "ping");
}

TEST_P(lent_memory, has_what_is_there_already_and_no_more_than_was_asked_for) {
    const fd_pair pair = make_sockets();
    write_to(pair.b, "ping");
    op_node node(recv_lent_op, at_most(pair.a.get(), 3));
    ASSERT_GT(on.run(node), 0);
    const bool lent = node.operation.args.data != nullptr;
    EXPECT_EQ(take(node), lent ? "pin" : "ping");
    EXPECT_EQ(receive(pair.a.get()), lent ? "g" : "");
}

TEST_P(lent_memory, is_not_taken_by_an_end_an_error_or_a_cancellation) {
    fd_pair pair = make_sockets();
    op_node ended(recv_lent_op, at_most(pair.a.get(), lent_size));
    op_node cancelled(recv_lent_op, at_most(pair.b.get(), lent_size));
    on.os->submit(cancelled);
    on.settle();
    on.os->cancel(cancelled);
    ASSERT_TRUE(on.wait_for(cancelled));
    EXPECT_EQ(cancelled.result(), -ECANCELED);
    EXPECT_EQ(cancelled.operation.args.data, nullptr);
    pair.b.reset();
    EXPECT_GE(on.run(ended), 0);
    EXPECT_EQ(take(ended), "");
    op_node bad(recv_lent_op, at_most(999'999, lent_size));
    EXPECT_EQ(on.run(bad), -EBADF);
    EXPECT_EQ(bad.operation.args.data, nullptr);
}

// More of them than there are pieces come back before one has been given back: the others are told that there is
// something, and nothing is lost.
TEST_P(lent_memory, that_runs_out_leaves_the_bytes_with_the_kernel) {
    constexpr std::size_t count = 1200;
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 2 * count + 200);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    ASSERT_GE(limit.rlim_cur, 2 * count + 200);
    std::deque<fd_pair> pairs;
    std::deque<op_node> nodes;
    for (std::size_t i = 0; i < count; ++i) {
        const fd_pair& pair = pairs.emplace_back(make_sockets());
        on.os->submit(nodes.emplace_back(recv_lent_op, at_most(pair.a.get(), lent_size)));
    }
    on.settle();
    EXPECT_TRUE(on.handed_over.empty());
    for (int round = 0; round < 2; ++round) {
        on.handed_over.clear();
        for (std::size_t i = 0; i < count; ++i) write_to(pairs[i].b, std::to_string(i));
        for (const op_node& node : nodes) ASSERT_TRUE(on.wait_for(node));
        for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(take(nodes[i]), std::to_string(i));
        for (std::size_t i = 0; i < count; ++i) on.os->submit(nodes[i]);
    }
    for (op_node& node : nodes) on.os->cancel(node);
    for (const op_node& node : nodes) ASSERT_TRUE(on.wait_for(node));
}

TEST_P(lent_memory, goes_round_more_often_than_there_are_pieces) {
    const fd_pair pair = make_sockets();
    op_node node(recv_lent_op, at_most(pair.a.get(), lent_size));
    for (int i = 0; i < 3000; ++i) {
        write_to(pair.b, std::to_string(i));
        ASSERT_GT(on.run(node), 0) << i;
        ASSERT_EQ(take(node), std::to_string(i));
    }
}

INSTANTIATE_TEST_SUITE_P(backends, lent_memory, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

}  // namespace

}  // namespace os_tests
