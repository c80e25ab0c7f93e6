// bide/tests: the code of the how-to pages.
// bide-test: no-shuffle
#include "support/async_test.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

std::vector<std::string> log;  // what the snippets did, in order
std::vector<std::string> take_log() { return std::exchange(log, {}); }
using lines = std::vector<std::string>;

bide::coro<void> save(std::string what) {
    co_await bide::sleep(1s);
    log.push_back("saved " + what);
}

// --- cancellation ---

// [clean-up-await]
bide::coro<void> edit() {
    bool interrupted = false;
    try {
        co_await bide::sleep(1h);
    } catch (const bide::cancelled_error&) {
        interrupted = true;  // a catch block may not await
    }
    co_await save("draft");
    if (interrupted) throw bide::cancelled_error();
}
// [/clean-up-await]

BIDE_TEST(cancellation, clean_up_that_awaits) {
    auto task = bide::create_task(edit());
    co_await bide::sleep(1s);
    task.cancel();
    auto outcome = co_await bide::gather_results(task);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(take_log(), lines{"saved draft"});
}

// [shield]
bide::coro<void> close_document() {
    auto saving = bide::create_task(save("document"));
    co_await bide::shield(saving);  // who cancels close_document() does not cancel the saving
}
// [/shield]

BIDE_TEST(cancellation, shield_protects_what_must_finish) {
    auto task = bide::create_task(close_document());
    co_await bide::sleep(10ms);
    task.cancel();
    co_await bide::sleep(2s);
    EXPECT_TRUE(task.cancelled());
    EXPECT_EQ(take_log(), lines{"saved document"});
}

BIDE_TEST(cancellation, stop_what_a_task_started) {
    // [stop-helper]
    auto helper = bide::create_task(edit());
    co_await bide::sleep(1s);
    helper.cancel("no longer needed");
    co_await bide::wait(bide::any_tasks(helper));  // until it has ended; does not throw what it ended with
    // [/stop-helper]
    EXPECT_TRUE(helper.cancelled());
    EXPECT_EQ(take_log(), lines{"saved draft"});
}

// --- timeouts ---

bide::coro<int> measure(int of) {
    co_await bide::sleep(1s);
    co_return of;
}

BIDE_TEST(timeouts, one_deadline_for_several_steps) {
    // [with-timeout]
    int sum = co_await bide::with_timeout(5s, [](bide::timeout& limit) -> bide::coro<int> {
        int first = co_await measure(1);
        limit.reschedule(bide::get_running_loop().time() + 5s);  // the second step gets its own five seconds
        int second = co_await measure(2);
        co_return first + second;
    });
    // [/with-timeout]
    EXPECT_EQ(sum, 3);
}

BIDE_TEST(timeouts, a_moment_shared_by_several) {
    // [timeout-at]
    const auto deadline = bide::get_running_loop().time() + 90s;
    while (bide::get_running_loop().time() < deadline) {
        auto value = co_await bide::as_result(bide::with_timeout_at(deadline, [] { return measure(3); }));
        if (value) log.push_back(std::to_string(*value));
        co_await bide::sleep(1min);
    }
    // [/timeout-at]
    EXPECT_EQ(take_log(), (lines{"3", "3"}));
}

// --- testing ---

// [subject]
bide::coro<int> retry(int times, bide::move_only_function<bide::coro<int>()> attempt) {
    for (int i = 1; i < times; ++i) {
        auto outcome = co_await bide::as_result(attempt());
        if (outcome) co_return *outcome;
        co_await bide::sleep(i * 10s);
    }
    co_return co_await attempt();
}
// [/subject]

// [run-test]
TEST(retry, waits_longer_each_time) {
    bide::testing::run_test([]() -> bide::coro<void> {
        const auto start = bide::get_running_loop().time();
        int calls = 0;
        const int value = co_await retry(5, [&]() -> bide::coro<int> {
            if (++calls < 4) throw std::runtime_error("not yet");
            co_return 7;
        });
        EXPECT_EQ(value, 7);
        EXPECT_EQ(bide::get_running_loop().time() - start, 60s);  // a minute that takes no time
    });
}
// [/run-test]

// [cancel-everywhere]
TEST(retry, can_be_cancelled_anywhere) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        co_await retry(3, [calls = 0]() mutable -> bide::coro<int> {
            co_await bide::sleep(1s);
            if (++calls < 3) throw std::runtime_error("not yet");
            co_return 7;
        });
    });
}
// [/cancel-everywhere]

// --- finding a hang ---

// [deadlock]
bide::lock left;
bide::lock right;

bide::coro<void> take_both(bide::lock& first, bide::lock& second) {
    auto one = co_await first.scoped();
    co_await bide::sleep(10ms);
    auto two = co_await second.scoped();
}

bide::coro<void> hangs() { co_await bide::gather(take_both(left, right), take_both(right, left)); }
// [/deadlock]

TEST(hang, is_reported_with_the_lines) {
    std::string text;
    try {
        bide::run(hangs());
    } catch (const bide::deadlock_error& error) { text = error.what(); }
    EXPECT_NE(text.find("3 tasks"), std::string::npos) << text;
    EXPECT_NE(text.find("howto_test.cpp:"), std::string::npos) << text;
}

BIDE_TEST(hang, a_running_program_can_be_asked) {
    auto task = bide::create_task(measure(1), bide::task_options().name("probe"));
    co_await bide::sleep(10ms);
    // [ask]
    for (const bide::any_task& each : bide::all_tasks()) {
        log.push_back(each.get_name() + ": " + bide::format_call_graph(bide::capture_call_graph(each)));
    }
    log.push_back(bide::format_task_tree(bide::get_running_loop()));
    // [/ask]
    EXPECT_EQ(take_log().size(), 4U);  // this test's own task, its host, the probe; and the tree
    co_await task;
}

// --- callbacks and threads ---

// A library with callbacks, as C programs have them.
class thermometer {
public:
    void read(std::function<void(double)> done) {
        reader_ = std::thread([done = std::move(done)] { done(21.5); });
    }
    ~thermometer() { reader_.join(); }

private:
    std::thread reader_;
};

// [callback]
bide::coro<double> temperature(thermometer& device) {
    auto value = bide::create_concurrent_future<double>();
    device.read([value](double celsius) {  // called on a thread of the library
        if (value.set_running_or_notify_cancel()) value.set_result(celsius);  // unless nobody waits any more
    });
    const double celsius = co_await bide::wrap_future(value);
    co_return celsius;
}
// [/callback]

TEST(bridging, a_callback_becomes_an_await) {
    thermometer device;
    EXPECT_EQ(bide::run(temperature(device)), 21.5);
}

// [readable]
bide::coro<std::string> read_some(int fd) {
    co_await bide::wait_readable(fd);
    std::array<char, 4096> buffer{};
    const auto size = ::read(fd, buffer.data(), buffer.size());
    co_return std::string(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}
// [/readable]

BIDE_TEST(bridging, a_descriptor_can_be_waited_for) {
    std::array<int, 2> pipe{};
    EXPECT_EQ(::pipe(pipe.data()), 0);
    EXPECT_EQ(::write(pipe[1], "abc", 3), 3);
    const std::string got = co_await read_some(pipe[0]);
    EXPECT_EQ(got, "abc");
    ::close(pipe[0]);
    ::close(pipe[1]);
}

// --- blocking libraries ---

// A client as C libraries have them: every call blocks, and one thread at a time may use it.
class blocking_client {
public:
    std::string query(const std::string& text) {
        std::unique_lock guard(mutex_);
        if (text == "slow") interrupted_.wait(guard, [this] { return stop_; });
        return "answer to " + text;
    }
    void interrupt() {
        const std::lock_guard guard(mutex_);
        stop_ = true;
        interrupted_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable interrupted_;
    bool stop_ = false;
};

// [one-thread]
class database {
public:
    bide::coro<std::string> query(std::string text) {
        auto call = [this, text] { return client_.query(text); };
        std::string answer = co_await bide::to_thread(thread_, std::move(call));
        co_return answer;
    }

private:
    blocking_client client_;       // only used on the thread of the pool
    bide::thread_pool thread_{1};  // so calls wait for each other there
};
// [/one-thread]

BIDE_TEST(blocking, a_client_with_a_thread_of_its_own) {
    database data;
    const auto [one, two] = co_await bide::gather(data.query("one"), data.query("two"));
    EXPECT_EQ(one + ", " + two, "answer to one, answer to two");
}

// [interrupt]
bide::coro<std::string> query(std::shared_ptr<blocking_client> client, std::string text) {
    auto call = [client, text] { return client->query(text); };  // owns all that it touches
    try {
        std::string answer = co_await bide::to_thread(bide::abandon_on_cancel, std::move(call));
        co_return answer;
    } catch (const bide::cancelled_error&) {
        client->interrupt();  // may be called on any thread; the call returns soon
        throw;
    }
}
// [/interrupt]

TEST(blocking, a_call_that_can_be_interrupted) {
    auto client = std::make_shared<blocking_client>();
    EXPECT_THROW(bide::run(bide::wait_for(query(client, "slow"), 10ms)), bide::timeout_error);
}

// --- backends ---

bide::coro<std::string> which() {
    // [which]
    std::string why = bide::get_running_loop().backend_reason();  // "epoll: asked for by BIDE_BACKEND"
    // [/which]
    co_return why;
}

TEST(backend, can_be_chosen) {
    // [choose]
    auto text = bide::run(which(), bide::run_options().backend(bide::backend_type::epoll));
    // [/choose]
    EXPECT_EQ(text.substr(0, 5), "epoll");
}

// --- from Python ---

// [values]
struct user {
    std::string name;
};

bide::coro<std::string> greet(user who) {  // by value: the coroutine owns its argument
    co_await bide::sleep(1s);
    co_return "hello " + who.name;
}
// [/values]

BIDE_TEST(python, arguments_by_value) {
    auto greeting = bide::create_task(greet(user{"Ann"}));
    const std::string text = co_await greeting;
    EXPECT_EQ(text, "hello Ann");
}

}  // namespace
