// bide/os: what an operation has made for a task that is gone before it could take it.
// bide-test: no-shuffle
#include "os/sockets.hpp"

#include <bide/detail/core/io_awaiter.hpp>

#include "os/open_descriptors.hpp"

#include "support/async_test.hpp"

namespace os_tests {

namespace {

bide::coro<void> accept_one(int listener, bool& taken) {
    const std::size_t fd = co_await io_awaiter(accept_op, op_args{.fd = listener});
    taken = true;
    const unique_fd connection(static_cast<int>(fd));
}

// A loop that ends by force in turn after turn, so that in some turn the accepted connection has come out of the
// backend and the task has not run. Whatever it is, the connection is closed exactly once.
TEST(late_result, an_accepted_connection_that_nobody_takes_is_closed_with_the_loop) {
    bool in_hand = false;
    for (int turns = 0; turns < 6; ++turns) {
        const unique_fd listener = tcp_listener();
        const unique_fd client = tcp_socket();
        const sockaddr_in to = name_of(listener.get());
        ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
        const std::size_t before = open_descriptors().size();
        bool taken = false;
        {
            bide::event_loop loop(bide::loop_options().poll_interval(1));
            loop.set_exception_handler([](bide::event_loop&, const bide::exception_context&) {});
            auto waiting = bide::create_task(loop, accept_one(listener.get(), taken));
            std::function<void(int)> count_down = [&](int left) {
                if (left == 0) throw bide::system_exit(0);
                loop.call_soon([&count_down, left] { count_down(left - 1); });
            };
            loop.call_soon([&] { count_down(turns); });
            EXPECT_THROW(loop.run_forever(), bide::system_exit);
            loop.close();
        }
        EXPECT_EQ(open_descriptors().size(), before) << "after " << turns << " turns";
        char byte = 0;
        const bool closed = ::recv(client.get(), &byte, 1, MSG_DONTWAIT) == 0;
        if (closed && !taken) in_hand = true;
    }
    EXPECT_TRUE(in_hand);  // else nothing was tested
}

// Directly: the owner of a request is gone when its node comes back.
TEST(late_result, dropping_a_result_closes_a_new_descriptor_once_and_nothing_else) {
    const unique_fd kept(::dup(0));
    op_request accepted{.kind = &accept_op, .args = {}, .result = ::dup(0), .state = op_state::done};
    const int made = accepted.result;
    drop_result(accepted);
    EXPECT_FALSE(is_open(made));
    drop_result(accepted);  // the number may be another file by now

    op_request count{.kind = &recv_op, .args = {}, .result = kept.get(), .state = op_state::done};
    drop_result(count);
    EXPECT_TRUE(is_open(kept.get()));  // a number of bytes

    op_request in_flight{.kind = &accept_op, .args = {}, .result = kept.get(), .state = op_state::in_flight};
    drop_result(in_flight);
    op_request failed{.kind = &accept_op, .args = {}, .result = -EMFILE, .state = op_state::done};
    drop_result(failed);
    EXPECT_TRUE(is_open(kept.get()));
}

}  // namespace

}  // namespace os_tests
