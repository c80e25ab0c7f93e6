// bide/os: a backend that is made, used and destroyed by different threads and processes.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "os/thread_mark.hpp"

namespace os_tests {

namespace {

class crossing : public ::testing::TestWithParam<variant> {
protected:
    std::unique_ptr<backend> os = GetParam().make();
    fd_pair pair = make_sockets();
    char buffer[16] = {};
    op_node node{recv_op, {.fd = pair.a.get(), .data = buffer, .size = sizeof buffer}};

    bool poll_until_done(op_node& what) {
        ready_queue done;
        const auto limit = monotonic_now() + 30 * one_s;
        while (os->in_flight() != 0 && monotonic_now() < limit) os->poll(limit, done);
        return what.done();
    }
};

TEST_P(crossing, made_here_and_run_there) {
    os->submit(node);
    std::thread([&] {
        EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
        EXPECT_TRUE(poll_until_done(node));
    }).join();
    EXPECT_EQ(node.result(), 1);
}

// More operations than the ring has entries, before there is a thread that may submit them.
TEST_P(crossing, queued_by_the_hundred_before_the_first_poll_of_another_thread) {
    std::vector<op_node> nodes;
    nodes.reserve(6000);
    for (int i = 0; i < 600; ++i) nodes.emplace_back(poll_write_op, op_args{.fd = pair.a.get()});
    for (op_node& each : nodes) os->submit(each);
    std::thread([&] {
        for (op_node& each : nodes) EXPECT_TRUE(poll_until_done(each));
    }).join();
    for (op_node& each : nodes) EXPECT_GT(each.result(), 0);
    EXPECT_EQ(os->in_flight(), 0U);
}

TEST_P(crossing, taken_back_here_after_the_thread_that_ran_it_ended) {
    std::vector<op_node> nodes;
    nodes.reserve(6000);
    for (int i = 0; i < 6000; ++i)
        nodes.emplace_back(recv_op, op_args{.fd = pair.a.get(), .data = buffer, .size = 1});
    std::thread([&] {
        for (op_node& each : nodes) os->submit(each);
        ready_queue done;
        for (int i = 0; i < 4; ++i) os->poll(0, done);
    }).join();
    EXPECT_EQ(os->in_flight(), nodes.size());
    for (op_node& each : nodes) os->cancel(each);
    ready_queue done;
    while (os->in_flight() != 0) os->poll(no_deadline, done);
    for (op_node& each : nodes) ASSERT_EQ(each.result(), -ECANCELED);
}

TEST_P(crossing, destroyed_here_after_it_ran_there) {
    op_node mine(recv_op, {.fd = pair.a.get(), .data = buffer, .size = 1});
    rig on(GetParam());  // this thread's own
    on.poll_for(0);
    on.os->submit(mine);
    std::thread([&] {
        ready_queue done;
        os->poll(0, done);
    }).join();
    os.reset();
    EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    EXPECT_TRUE(on.wait_for(mine));
    EXPECT_EQ(mine.result(), 1);
}

// In the child: 0 when all went as it should.
int exit_code_of(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

TEST_P(crossing, the_child_of_a_fork_may_drop_it_and_the_parent_notices_nothing) {
    ready_queue done;
    os->poll(0, done);
    os->submit(node);
    os->poll(0, done);
    const pid_t child = ::fork();
    if (child == 0) {
        if (!os->inherited()) ::_exit(1);
        os->cancel(node);
        os->forget(pair.a.get());
        os.reset();
        auto another = GetParam().make();
        if (another->inherited()) ::_exit(2);
        ready_queue in_child;
        op_node writable(poll_write_op, {.fd = pair.b.get()});
        another->submit(writable);
        for (int i = 0; i < 100 && !writable.done(); ++i) another->poll(another->now() + one_ms, in_child);
        ::_exit(writable.done() ? 0 : 3);
    }
    EXPECT_EQ(exit_code_of(child), 0);
    EXPECT_FALSE(node.done());
    EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    EXPECT_TRUE(poll_until_done(node));
    EXPECT_EQ(node.result(), 1);
}

INSTANTIATE_TEST_SUITE_P(all, crossing, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

TEST(thread_mark, tells_threads_apart_also_after_they_ended) {
    const thread_mark here = thread_mark::here();
    EXPECT_TRUE(here);
    EXPECT_TRUE(here.is_here());
    EXPECT_FALSE(here.has_ended());
    EXPECT_FALSE(thread_mark());
    EXPECT_FALSE(thread_mark().is_here());
    std::vector<thread_mark> marks;
    for (int i = 0; i < 3; ++i) {
        std::thread([&] {
            EXPECT_FALSE(here.is_here());
            EXPECT_FALSE(here.has_ended());
            for (const thread_mark& each : marks) EXPECT_FALSE(each.is_here());
            marks.push_back(thread_mark::here());
        }).join();
        EXPECT_FALSE(marks.back().is_here());
        EXPECT_TRUE(marks.back().has_ended());
    }
}

// Runs in a child, because it changes what a signal does to the process.
template <class F>
int in_child(F body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    return exit_code_of(child);
}

TEST(write_signals, a_loop_ignores_it_where_the_program_has_not_decided) {
    EXPECT_EQ(in_child([] {
                  ::signal(SIGPIPE, SIG_DFL);
                  make_epoll_backend();
                  fd_pair pair = make_pipe();
                  pair.a.reset();
                  if (::write(pair.b.get(), "x", 1) != -1 || errno != EPIPE) return 1;
                  return 0;
              }),
              0);
}

TEST(write_signals, a_file_at_its_largest_size_is_an_error_of_the_write) {
    EXPECT_EQ(in_child([] {
                  ::signal(SIGXFSZ, SIG_DFL);
                  make_epoll_backend();
                  const unique_fd file(::open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
                  const rlimit none{};
                  if (!file || ::setrlimit(RLIMIT_FSIZE, &none) != 0) return 1;
                  return ::write(file.get(), "x", 1) == -1 && errno == EFBIG ? 0 : 2;
              }),
              0);
}

TEST(write_signals, a_handler_of_the_program_stays) {
    static std::atomic<int> caught{0};
    EXPECT_EQ(in_child([] {
                  ::signal(SIGPIPE, [](int) { ++caught; });
                  make_epoll_backend();
                  fd_pair pair = make_pipe();
                  pair.a.reset();
                  if (::write(pair.b.get(), "x", 1) != -1) return 1;
                  return caught == 1 ? 0 : 2;
              }),
              0);
}

}  // namespace

}  // namespace os_tests
