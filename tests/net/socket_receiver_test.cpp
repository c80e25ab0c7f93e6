// bide/net: what a socket is received from remembers from one receive to the next.
#include "net/socket_receiver.hpp"

#include <cerrno>
#include <string>

#include "os/backend_support.hpp"
#include "os/sockets.hpp"

namespace os_tests {

namespace {

class socket_receiver : public ::testing::TestWithParam<variant> {
protected:
    rig on{GetParam()};
    fd_pair pair = make_tcp_pair();
    bide::detail::socket_receiver receiver{false};

    static constexpr std::size_t most = 1000;

    received_piece next() {
        op_node node(recv_lent_op, {});
        receiver.prepare(node.operation, pair.a.get(), most);
        node.request = &node.operation;
        EXPECT_GE(on.run(node), 0);
        return receiver.collect(*on.os, node.operation, most);
    }
};

// Whoever reads next may be somebody else, who tries at once.
TEST_P(socket_receiver, keeps_an_error_although_more_is_likely) {
    const std::string much(5000, 'x');
    ASSERT_EQ(::write(pair.b.get(), much.data(), much.size()), 5000);
    ASSERT_EQ(next().bytes.size(), most);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(::setsockopt(pair.b.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    pair.b.reset();
    int error = 0;  // of an operation that somebody else has taken back
    for (char byte = 0; error >= 0 && error != -EAGAIN;) {
        error = static_cast<int>(on.os->receive_now(pair.a.get(), &byte, 1));
    }
    ASSERT_EQ(error, -ECONNRESET);
    receiver.keep_error(ECONNRESET);
    EXPECT_FALSE(receiver.more_likely());
    EXPECT_EQ(next().error, ECONNRESET);
    EXPECT_EQ(next().error, 0);
}

INSTANTIATE_TEST_SUITE_P(backends, socket_receiver, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

}  // namespace

}  // namespace os_tests
