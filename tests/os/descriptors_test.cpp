// bide/os: descriptors that are shared, closed, duplicated and used again while a backend knows them.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <poll.h>

#include <algorithm>
#include <array>

namespace os_tests {

namespace {

class descriptors : public ::testing::TestWithParam<variant> {
protected:
    rig on{GetParam()};
    char buffer[16] = {};

    op_node receive(int fd) { return {recv_op, {.fd = fd, .data = buffer, .size = sizeof buffer}}; }
    void write_one(int fd) { ASSERT_EQ(::write(fd, "x", 1), 1); }
};

// What loop.add_reader leaves behind: whoever removed the reader may close the descriptor without a word.
TEST_P(descriptors, a_number_that_only_poll_operations_used_may_become_another_file) {
    fd_pair first = make_sockets();
    const int number = first.a.get();
    op_node watching(poll_read_op, {.fd = number});
    on.os->submit(watching);
    on.settle();
    on.os->cancel(watching);
    ASSERT_TRUE(on.wait_for(watching));
    first.a.reset();

    fd_pair second = make_sockets();
    ASSERT_EQ(second.a.get(), number);
    op_node node = receive(number);
    on.os->submit(node);
    on.settle();
    write_one(second.b.get());
    ASSERT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), 1);
}

// The same with a poll operation in flight, which is misuse, but must not poison the number.
TEST_P(descriptors, a_number_closed_under_a_poll_operation_may_become_another_file) {
    fd_pair first = make_sockets();
    const int number = first.a.get();
    op_node lost(poll_read_op, {.fd = number});
    on.os->submit(lost);
    on.settle();
    first.a.reset();

    fd_pair second = make_sockets();
    ASSERT_EQ(second.a.get(), number);
    op_node watching(poll_read_op, {.fd = number});
    on.os->submit(watching);
    on.settle();
    EXPECT_FALSE(on.has(watching));
    write_one(second.b.get());
    ASSERT_TRUE(on.wait_for(watching));
    EXPECT_NE(watching.result() & POLLIN, 0);
    on.os->cancel(lost);
    EXPECT_TRUE(on.wait_for(lost));
}

// The kernel ties a registration to the file: a duplicate keeps it alive under the old number.
TEST_P(descriptors, a_duplicate_of_a_closed_descriptor_does_not_disturb_the_next_owner) {
    fd_pair first = make_sockets();
    const int number = first.a.get();
    op_node node = receive(number);
    on.os->submit(node);
    on.settle();
    unique_fd duplicate(::dup(number));
    on.os->cancel(node);
    ASSERT_TRUE(on.wait_for(node));
    on.os->forget(number);
    first.a.reset();

    fd_pair second = make_sockets();
    ASSERT_EQ(second.a.get(), number);
    op_node other = receive(number);
    on.os->submit(other);
    on.settle();
    write_one(first.b.get());  // arrives at the duplicate
    on.settle();
    EXPECT_FALSE(on.has(other));
    write_one(second.b.get());
    ASSERT_TRUE(on.wait_for(other));
    EXPECT_EQ(drain(duplicate.get()), "x");
}

TEST_P(descriptors, forgetting_what_was_never_known_does_nothing) {
    fd_pair pair = make_sockets();
    for (const int fd : {-1, -100, 0, pair.a.get(), 70'000, 1'000'000}) on.os->forget(fd);
    op_node node = receive(pair.a.get());
    on.os->submit(node);
    on.os->forget(pair.b.get());  // a neighbour
    on.settle();
    EXPECT_FALSE(on.has(node));
    write_one(pair.b.get());
    EXPECT_TRUE(on.wait_for(node));
}

TEST_P(descriptors, forgetting_ends_both_directions_and_every_waiter) {
    fd_pair pair = make_sockets();
    fill(pair.a.get());
    const std::string text = "text";
    op_node first = receive(pair.a.get());
    op_node second = receive(pair.a.get());
    op_node readable(poll_read_op, {.fd = pair.a.get()});
    op_node sending(send_op,
                    {.fd = pair.a.get(), .data = const_cast<char*>(text.data()), .size = text.size()});
    for (op_node* const node : {&first, &second, &readable, &sending}) on.os->submit(*node);
    on.settle();
    EXPECT_EQ(on.os->in_flight(), 4U);
    on.os->forget(pair.a.get());
    pair.a.reset();
    for (op_node* const node : {&first, &second, &readable, &sending}) {
        ASSERT_TRUE(on.wait_for(*node));
        EXPECT_EQ(node->result(), -ECANCELED);
    }
}

TEST_P(descriptors, both_directions_wait_at_once) {
    fd_pair pair = make_sockets();
    fill(pair.a.get());
    const std::string text = "text";
    op_node receiving = receive(pair.a.get());
    op_node sending(send_op,
                    {.fd = pair.a.get(), .data = const_cast<char*>(text.data()), .size = text.size()});
    on.os->submit(receiving);
    on.os->submit(sending);
    on.settle();
    EXPECT_TRUE(on.handed_over.empty());
    write_one(pair.b.get());
    ASSERT_TRUE(on.wait_for(receiving));
    EXPECT_FALSE(on.has(sending));
    drain(pair.b.get());
    ASSERT_TRUE(on.wait_for(sending));
    EXPECT_EQ(sending.result(), 4);
}

TEST_P(descriptors, two_readers_of_one_descriptor_share_what_comes) {
    fd_pair pair = make_sockets();
    std::array<char, 2> bytes{};
    op_node first(recv_op, {.fd = pair.a.get(), .data = &bytes[0], .size = 1});
    op_node second(recv_op, {.fd = pair.a.get(), .data = &bytes[1], .size = 1});
    on.os->submit(first);
    on.os->submit(second);
    on.settle();
    ASSERT_EQ(::write(pair.b.get(), "ab", 2), 2);
    ASSERT_TRUE(on.wait_for(first));
    ASSERT_TRUE(on.wait_for(second));
    std::sort(bytes.begin(), bytes.end());
    EXPECT_EQ(std::string(bytes.data(), 2), "ab");  // who gets which is not promised
}

TEST_P(descriptors, what_is_left_in_the_socket_is_read_without_a_new_event) {
    fd_pair pair = make_sockets();
    char byte = 0;
    op_node node(recv_op, {.fd = pair.a.get(), .data = &byte, .size = 1});
    on.os->submit(node);
    on.settle();
    ASSERT_EQ(::write(pair.b.get(), "abc", 3), 3);
    for (const char expected : {'a', 'b', 'c'}) {
        ASSERT_TRUE(on.wait_for(node));
        EXPECT_EQ(byte, expected);
        on.handed_over.clear();
        on.os->submit(node);
    }
    on.settle();
    EXPECT_FALSE(on.has(node));
    on.os->cancel(node);
    EXPECT_TRUE(on.wait_for(node));
}

TEST_P(descriptors, a_waiting_writer_learns_that_the_peer_left) {
    fd_pair pair = make_sockets();
    fill(pair.a.get());
    const std::string text = "text";
    op_node sending(send_op,
                    {.fd = pair.a.get(), .data = const_cast<char*>(text.data()), .size = text.size()});
    on.os->submit(sending);
    on.settle();
    pair.b.reset();
    ASSERT_TRUE(on.wait_for(sending));
    EXPECT_TRUE(sending.result() == -EPIPE || sending.result() == -ECONNRESET) << sending.result();
}

// Polling a file that is always ready, among them regular files.
TEST_P(descriptors, a_regular_file_is_always_ready) {
    const unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    op_node node(poll_read_op, {.fd = file.get()});
    EXPECT_NE(on.run(node) & POLLIN, 0);
}

// --- descriptors that operations make ---

int made = -1;
const op_kind making{.name = "make",
                     .prepare = nullptr,
                     .attempt = [](const op_args&) noexcept { return made; },
                     .waits_for = ready_for::nothing,
                     .late_success = late::close_fd};

TEST_P(descriptors, a_number_that_comes_out_of_an_operation_is_a_new_file) {
    fd_pair first = make_sockets();
    const int number = first.a.get();
    op_node node = receive(number);
    on.os->submit(node);
    on.settle();
    write_one(first.b.get());
    ASSERT_TRUE(on.wait_for(node));
    first.a.reset();  // without forget(): as if by somebody else's bug

    fd_pair second = make_sockets();
    ASSERT_EQ(second.a.get(), number);
    made = number;
    op_node maker(making, {});
    ASSERT_EQ(on.run(maker), number);
    on.handed_over.clear();
    op_node other = receive(number);
    on.os->submit(other);
    on.settle();
    write_one(second.b.get());
    EXPECT_TRUE(on.wait_for(other));
    EXPECT_EQ(other.result(), 1);
}

INSTANTIATE_TEST_SUITE_P(all, descriptors, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

}  // namespace

}  // namespace os_tests
