// bide/os: which backend is chosen, how it sleeps and wakes, and that it carries many operations at once.
// bide-test: no-shuffle
#include "os/backend_support.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <bide/loop.hpp>

namespace os_tests {

namespace {

using namespace std::chrono_literals;

// --- choice ---

// Sets an environment variable and puts it back.
class with_variable {
public:
    with_variable(const char* name, const char* value) : name_(name) {
        if (const char* const before = std::getenv(name)) before_ = before;
        value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
    }
    ~with_variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
    with_variable(const with_variable&) = delete;
    with_variable& operator=(const with_variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

bool ring_is_available() {
    std::string why;
    return make_uring_backend(why) != nullptr;
}

TEST(backend_choice, the_variable_names_one) {
    const with_variable name("BIDE_BACKEND", "epoll");
    const auto [chosen, reason] = choose_backend(backend_kind::automatic);
    EXPECT_STREQ(chosen->name(), "epoll");
    EXPECT_EQ(reason, "epoll: asked for by BIDE_BACKEND");
}

TEST(backend_choice, the_variable_names_the_ring) {
    const with_variable name("BIDE_BACKEND", "io_uring");
    if (ring_is_available()) {
        const auto [chosen, reason] = choose_backend(backend_kind::automatic);
        EXPECT_STREQ(chosen->name(), "io_uring");
        EXPECT_EQ(reason, "io_uring: asked for by BIDE_BACKEND");
        return;
    }
    try {
        choose_backend(backend_kind::automatic);
        ADD_FAILURE() << "what was asked for by name must be had or refused";
    } catch (const std::system_error& e) {
        EXPECT_EQ(e.code(), std::errc::operation_not_supported);
        EXPECT_NE(std::string(e.what()).find("io_uring was asked for by BIDE_BACKEND, but"),
                  std::string::npos)
            << e.what();
    }
}

TEST(backend_choice, garbage_in_the_variable_is_an_error_that_names_it) {
    for (const char* const bad : {"uring", "EPOLL", "epoll ", "1"}) {
        const with_variable name("BIDE_BACKEND", bad);
        try {
            bide::event_loop loop;
            ADD_FAILURE() << bad;
        } catch (const std::invalid_argument& e) {
            EXPECT_EQ(std::string(e.what()),
                      "BIDE_BACKEND is '" + std::string(bad) + "'; use epoll, io_uring or auto");
        }
    }
}

TEST(backend_choice, empty_or_auto_or_unset_probes_and_says_why) {
    for (const char* const value : {"", "auto", static_cast<const char*>(nullptr)}) {
        const with_variable name("BIDE_BACKEND", value);
        const auto [chosen, reason] = choose_backend(backend_kind::automatic);
        EXPECT_EQ(std::string(chosen->name()), ring_is_available() ? "io_uring" : "epoll");
        EXPECT_EQ(reason.find("asked for"), std::string::npos) << reason;
        EXPECT_TRUE(reason.starts_with(std::string(chosen->name()) + ": ")) << reason;
        EXPECT_GT(reason.size(), 20U) << reason;
    }
}

TEST(backend_choice, the_options_of_the_loop_beat_the_variable) {
    const with_variable name("BIDE_BACKEND", "nonsense");
    bide::event_loop loop(bide::loop_options().backend(bide::backend_type::epoll));
    EXPECT_STREQ(loop.backend_name(), "epoll");
    EXPECT_EQ(loop.backend_reason(), "epoll: asked for by the loop's options");
    if (!ring_is_available()) return;
    bide::event_loop other(bide::loop_options().backend(bide::backend_type::io_uring));
    EXPECT_STREQ(other.backend_name(), "io_uring");
}

// --- sleeping and waking ---

class backend_under_test : public ::testing::TestWithParam<variant> {};

#define BACKEND_TEST(name) TEST_P(backend_under_test, name)

BACKEND_TEST(says_who_it_is) {
    rig on(GetParam());
    EXPECT_TRUE(GetParam().name.starts_with(on.os->name()));
    EXPECT_EQ(on.os->in_flight(), 0U);
    EXPECT_FALSE(on.os->inherited());
}

BACKEND_TEST(clock_goes_forward) {
    rig on(GetParam());
    const auto steady = std::chrono::steady_clock::now().time_since_epoch().count();
    const auto first = on.os->now();
    const auto second = on.os->now();
    EXPECT_LE(steady, first);
    EXPECT_LE(first, second);
    EXPECT_LT(second - steady, 30 * one_s);
}

BACKEND_TEST(poll_with_deadline_zero_does_not_sleep) {
    rig on(GetParam());
    const auto before = monotonic_now();
    for (int i = 0; i < 100; ++i) on.poll_for(0);
    EXPECT_LT(monotonic_now() - before, 10 * one_s);
}

BACKEND_TEST(a_past_deadline_does_not_sleep) {
    rig on(GetParam());
    ready_queue done;
    const auto before = monotonic_now();
    for (const std::int64_t deadline : {std::int64_t{1}, std::int64_t{-5}, INT64_MIN, before - one_s}) {
        on.os->poll(deadline, done);
    }
    EXPECT_LT(monotonic_now() - before, 10 * one_s);
}

// poll() may return early, but time must pass in few of them, and it must not sleep on. Now and then the machine makes
// it late, not every time.
BACKEND_TEST(sleeps_until_the_deadline_and_not_much_longer) {
    rig on(GetParam());
    for (const std::int64_t span : {50'000, 300'000, 1'000'000, 1'500'000, 7'000'000}) {
        std::int64_t late = INT64_MAX;
        for (int attempt = 0; attempt < 50 && late >= 500 * one_ms; ++attempt) {
            const std::int64_t deadline = monotonic_now() + span;
            int polls = 0;
            while (monotonic_now() < deadline) {
                ready_queue done;
                on.os->poll(deadline, done);
                ++polls;
            }
            EXPECT_LT(polls, 50) << span;
            late = std::min(late, monotonic_now() - deadline);
        }
        EXPECT_LT(late, 500 * one_ms) << span;
    }
}

BACKEND_TEST(a_deadline_at_the_end_of_time_neither_spins_nor_ends) {
    for (const std::int64_t deadline : {no_deadline, no_deadline - 1, INT64_MAX / 2}) {
        rig on(GetParam());
        std::atomic<bool> time{false};
        std::jthread waker([&] {
            std::this_thread::sleep_for(20ms);
            time = true;
            on.os->wake();
        });
        int polls = 0;
        ready_queue done;
        while (!time) {
            on.os->poll(deadline, done);
            ++polls;
        }
        EXPECT_LT(polls, 50) << deadline;  // a stopped and continued process wakes up too
    }
}

BACKEND_TEST(a_wake_ends_the_sleep) {
    rig on(GetParam());
    for (int i = 0; i < 20; ++i) {
        std::atomic<bool> woken{false};
        std::jthread waker([&] {
            if (i % 2 == 0) std::this_thread::sleep_for(1ms);
            woken = true;
            on.os->wake();
        });
        const auto before = monotonic_now();
        while (!woken) on.poll_for(20 * one_s);
        EXPECT_LT(monotonic_now() - before, 10 * one_s);
    }
}

BACKEND_TEST(a_wake_before_the_sleep_is_not_lost) {
    rig on(GetParam());
    for (int i = 0; i < 5; ++i) {
        on.os->wake();
        const auto before = monotonic_now();
        on.poll_for(20 * one_s);
        EXPECT_LT(monotonic_now() - before, 10 * one_s);
    }
}

BACKEND_TEST(many_wakes_do_not_become_many_wake_ups) {
    rig on(GetParam());
    for (int i = 0; i < 1000; ++i) on.os->wake();
    on.poll_for(20 * one_s);
    on.settle();
    const auto before = monotonic_now();
    int polls = 0;
    while (monotonic_now() < before + 5 * one_ms) {
        on.poll_for(5 * one_ms);
        ++polls;
    }
    EXPECT_LT(polls, 50);
}

backend* woken_by_signal = nullptr;
std::atomic<int> signals{0};

BACKEND_TEST(may_be_woken_by_a_signal_handler) {
    rig on(GetParam());
    woken_by_signal = on.os.get();
    signals = 0;
    struct sigaction act{};
    struct sigaction before{};
    act.sa_handler = [](int) {
        ++signals;
        woken_by_signal->wake();
    };
    act.sa_flags = SA_RESTART;
    ASSERT_EQ(::sigaction(SIGALRM, &act, &before), 0);
    const itimerval in_two_ms{{0, 0}, {0, 2000}};
    ::setitimer(ITIMER_REAL, &in_two_ms, nullptr);
    const auto start = monotonic_now();
    while (signals == 0) on.poll_for(20 * one_s);
    EXPECT_LT(monotonic_now() - start, 10 * one_s);
    ::sigaction(SIGALRM, &before, nullptr);
}

BACKEND_TEST(an_operation_that_completes_ends_the_sleep) {
    rig on(GetParam());
    fd_pair pair = make_sockets();
    char buffer[16];
    op_node node(recv_op, {.fd = pair.a.get(), .data = buffer, .size = sizeof buffer});
    on.os->submit(node);
    std::jthread writer([&] {
        std::this_thread::sleep_for(2ms);
        EXPECT_EQ(::write(pair.b.get(), "x", 1), 1);
    });
    EXPECT_TRUE(on.wait_for(node));
    EXPECT_EQ(node.result(), 1);
}

// --- many at once ---

// As many socket pairs as the process may have, at most `wanted`.
std::vector<fd_pair> make_many(std::size_t wanted) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    std::vector<fd_pair> pairs;
    while (pairs.size() < wanted && 2 * pairs.size() + 100 < limit.rlim_cur) pairs.push_back(make_sockets());
    return pairs;
}

struct many {
    explicit many(std::size_t wanted) : pairs(make_many(wanted)), buffers(pairs.size(), 0) {
        nodes.reserve(pairs.size());
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            nodes.emplace_back(recv_op, op_args{.fd = pairs[i].a.get(), .data = &buffers[i], .size = 1});
        }
    }
    std::vector<fd_pair> pairs;
    std::vector<char> buffers;
    std::vector<op_node> nodes;
};

// More than the submission queue (256) and the completion queue (4096) of the ring hold.
BACKEND_TEST(carries_thousands_of_operations) {
    rig on(GetParam());
    many all(5000);
    for (op_node& node : all.nodes) on.os->submit(node);
    EXPECT_EQ(on.os->in_flight(), all.nodes.size());
    on.settle();
    EXPECT_TRUE(on.handed_over.empty());
    for (std::size_t i = 0; i < all.pairs.size(); ++i) {
        const char byte = static_cast<char>('a' + i % 26);
        ASSERT_EQ(::write(all.pairs[i].b.get(), &byte, 1), 1);
    }
    const auto limit = monotonic_now() + 30 * one_s;
    while (on.os->in_flight() != 0 && monotonic_now() < limit) on.poll_for(one_s);
    EXPECT_EQ(on.handed_over.size(), all.nodes.size());
    for (std::size_t i = 0; i < all.nodes.size(); ++i) {
        ASSERT_EQ(all.nodes[i].result(), 1) << i;
        ASSERT_EQ(all.buffers[i], static_cast<char>('a' + i % 26)) << i;
    }
}

BACKEND_TEST(cancels_thousands_of_operations) {
    rig on(GetParam());
    many all(5000);
    for (op_node& node : all.nodes) on.os->submit(node);
    on.settle();
    for (op_node& node : all.nodes) on.os->cancel(node);
    const auto limit = monotonic_now() + 30 * one_s;
    while (on.os->in_flight() != 0 && monotonic_now() < limit) on.poll_for(one_s);
    EXPECT_EQ(on.handed_over.size(), all.nodes.size());
    for (const op_node& node : all.nodes) ASSERT_EQ(node.result(), -ECANCELED);
}

BACKEND_TEST(forgets_thousands_of_descriptors) {
    rig on(GetParam());
    many all(2000);
    for (op_node& node : all.nodes) on.os->submit(node);
    for (fd_pair& pair : all.pairs) {
        on.os->forget(pair.a.get());
        pair.a.reset();
    }
    const auto limit = monotonic_now() + 30 * one_s;
    while (on.os->in_flight() != 0 && monotonic_now() < limit) on.poll_for(one_s);
    EXPECT_EQ(on.handed_over.size(), all.nodes.size());
    for (const op_node& node : all.nodes) ASSERT_EQ(node.result(), -ECANCELED);
}

// Every descriptor over and over: registrations, ring entries and table rows are used again and again.
BACKEND_TEST(repeats_operations_without_end) {
    rig on(GetParam());
    many all(50);
    for (int round = 0; round < 200; ++round) {
        on.handed_over.clear();
        for (op_node& node : all.nodes) on.os->submit(node);
        for (std::size_t i = 0; i < all.pairs.size(); ++i) {
            if ((i + static_cast<std::size_t>(round)) % 3 == 0) {
                on.os->cancel(all.nodes[i]);
            } else {
                ASSERT_EQ(::write(all.pairs[i].b.get(), "x", 1), 1);
            }
        }
        const auto limit = monotonic_now() + 30 * one_s;
        while (on.os->in_flight() != 0 && monotonic_now() < limit) on.poll_for(one_s);
        ASSERT_EQ(on.handed_over.size(), all.nodes.size());
        for (std::size_t i = 0; i < all.nodes.size(); ++i) {
            const bool cancelled = (i + static_cast<std::size_t>(round)) % 3 == 0;
            ASSERT_EQ(all.nodes[i].result(), cancelled ? -ECANCELED : 1);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(all, backend_under_test, ::testing::ValuesIn(variants()),
                         [](const auto& of) { return of.param.name; });

}  // namespace

}  // namespace os_tests
