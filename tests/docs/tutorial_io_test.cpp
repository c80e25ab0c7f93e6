// bide/tests: the code of the tutorial's chapters 6 to 9 that is no program of its own.
// bide-test: no-shuffle
#include <bide/testing/memory_stream.hpp>

#include "support/async_test.hpp"

#include <array>
#include <cctype>
#include <chrono>
#include <csignal>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

std::vector<std::string> log;  // what the snippets did, in order
std::vector<std::string> take_log() { return std::exchange(log, {}); }
using lines = std::vector<std::string>;

// --- 6 queues and locks ---

bide::coro<int> load(std::string name) {
    co_await bide::sleep(1s);
    log.push_back("load " + name);
    co_return static_cast<int>(name.size());
}

// [lock]
class cache {
public:
    bide::coro<int> get(std::string name) {
        auto held = co_await lock_.scoped();  // released where the block ends
        if (!known_.contains(name)) {
            const int value = co_await load(name);
            known_[name] = value;
        }
        co_return known_[name];
    }

private:
    bide::lock lock_;
    std::map<std::string, int> known_;
};
// [/lock]

BIDE_TEST(tutorial, a_lock_is_held_across_an_await) {
    cache sizes;
    const auto [one, two] = co_await bide::gather(sizes.get("page"), sizes.get("page"));
    EXPECT_EQ(one + two, 8);
    EXPECT_EQ(take_log(), lines{"load page"});
}

BIDE_TEST(tutorial, a_semaphore_bounds) {
    const auto start = bide::get_running_loop().time();
    // [semaphore]
    bide::semaphore places(10);
    auto polite = [&](int page) -> bide::coro<int> {
        auto place = co_await places.scoped();  // ten at a time
        co_return co_await load(std::to_string(page));
    };
    std::vector<bide::coro<int>> all;
    for (int page = 0; page < 100; ++page) all.push_back(polite(page));
    auto sizes = co_await bide::gather(std::move(all));
    // [/semaphore]
    EXPECT_EQ(sizes.size(), 100U);
    EXPECT_EQ(take_log().size(), 100U);
    EXPECT_EQ(bide::get_running_loop().time() - start, 10s);
}

BIDE_TEST(tutorial, an_event_wakes_all) {
    // [event]
    bide::event ready;
    auto waiter = [&](std::string name) -> bide::coro<void> {
        co_await ready.wait();
        log.push_back(name + " goes");
    };
    auto ann = bide::create_task(waiter("Ann"));
    auto ben = bide::create_task(waiter("Ben"));
    co_await bide::sleep(1s);
    ready.set();
    co_await bide::gather(ann, ben);
    // [/event]
    EXPECT_EQ(take_log(), (lines{"Ann goes", "Ben goes"}));
}

// --- 7 files and subprocesses ---

// [files]
bide::coro<std::size_t> copy_in_capitals(std::string from, std::string to) {
    std::string text = co_await bide::read_file(from);
    for (char& each : text) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    co_await bide::write_file(to, text, bide::write_options().atomic());  // the old file or the new one
    co_return text.size();
}
// [/files]

BIDE_TEST_WITH(tutorial, whole_files, bide::testing::test_options().real_time()) {
    auto folder = co_await bide::make_temporary_directory();
    co_await bide::write_file(folder / "a", "hello");
    const std::size_t size = co_await copy_in_capitals(folder / "a", folder / "b");
    const std::string copy = co_await bide::read_file(folder / "b");
    EXPECT_EQ(size, 5U);
    EXPECT_EQ(copy, "HELLO");
    co_await folder.remove();
}

BIDE_TEST_WITH(tutorial, one_program_and_its_output, bide::testing::test_options().real_time()) {
    // [exec]
    auto options = bide::subprocess_options().stdout_pipe();
    auto date = co_await bide::create_subprocess_exec("date", "--utc", "--date=@0", "+%F", options);
    auto [out, err] = co_await date.communicate();
    int status = *date.returncode();
    // [/exec]
    EXPECT_EQ(out, "1970-01-01\n");
    EXPECT_EQ(status, 0);
}

// [signal]
bide::coro<void> serve() {
    co_await bide::sleep(1h);  // cancelled by the first SIGTERM or Ctrl-C
}

int run_until_stopped() {
    const int number = bide::run(bide::until_signal(serve()));
    return number == 0 ? 0 : 1;
}
// [/signal]

TEST(tutorial, a_signal_ends_a_program) {
    bide::thread_pool other(1);
    auto sent = other.submit([] {
        struct sigaction now{};
        const auto limit = std::chrono::steady_clock::now() + 30s;
        while (now.sa_handler == SIG_DFL && std::chrono::steady_clock::now() < limit) {
            ::sigaction(SIGTERM, nullptr, &now);  // until somebody listens
            std::this_thread::yield();
        }
        if (now.sa_handler != SIG_DFL) ::kill(::getpid(), SIGTERM);
    });
    EXPECT_EQ(run_until_stopped(), 1);
    sent.result();
}

// --- 8 a server and a client ---

// [shout]
bide::coro<void> shout(bide::stream_reader reader, bide::stream_writer writer) {
    while (auto line = co_await reader.next_line()) {  // until the client has ended
        for (char& each : *line) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
        writer.write(*line);
        co_await writer.drain();  // waits while the client does not keep up
    }
}
// [/shout]

// [ask]
bide::coro<std::string> ask(int port, std::string question) {
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", port);
    writer.write(question + "\n");
    std::string answer = co_await reader.readline();
    co_return answer;
}
// [/ask]

BIDE_TEST(tutorial, a_server_and_its_clients) {
    // [server]
    auto server = co_await bide::start_server(shout, "127.0.0.1", 0);  // port 0: any that is free
    co_await bide::with_server(server, [&]() -> bide::coro<void> {
        auto [one, two] = co_await bide::gather(ask(server.port(), "hello"), ask(server.port(), "world"));
        log.push_back(one + two);
    });
    // [/server]
    EXPECT_EQ(take_log(), lines{"HELLO\nWORLD\n"});
}

// [limits]
bide::coro<std::string> ask_in_time(std::string host, int port, std::string question) {
    auto options = bide::connection_options().timeout(5s);
    auto [reader, writer] = co_await bide::open_connection(host, port, options);
    writer.write(question + "\n");
    std::string answer = co_await bide::wait_for(reader.readline(), 10s);
    co_return answer;
}
// [/limits]

BIDE_TEST(tutorial, a_client_with_limits) {
    auto server = co_await bide::start_server(shout, "127.0.0.1", 0);
    const int port = server.port();
    const std::string answer = co_await ask_in_time("127.0.0.1", port, "hello");
    EXPECT_EQ(answer, "HELLO\n");
    server.close();
    co_await server.wait_closed();
    auto refused = co_await bide::as_result(ask_in_time("127.0.0.1", port, "hello"));
    EXPECT_EQ(refused.error(), std::errc::connection_refused);
}

// --- 9 testing, and finding a hang ---

// [poll]
bide::coro<int> first_answer(bide::queue<int>& answers) {
    for (;;) {
        auto answer = co_await bide::as_result(bide::wait_for(answers.get(), 30s));
        if (answer) co_return *answer;
        log.push_back("still waiting");
    }
}
// [/poll]

// [virtual]
TEST(tutorial, a_minute_takes_no_time) {
    bide::testing::run_test([]() -> bide::coro<void> {
        bide::queue<int> answers;
        bide::get_running_loop().call_later(80s, [&] { answers.put_nowait(42); });
        const auto start = bide::get_running_loop().time();

        const int answer = co_await first_answer(answers);

        EXPECT_EQ(answer, 42);
        EXPECT_EQ(bide::get_running_loop().time() - start, 80s);
        EXPECT_EQ(take_log(), (lines{"still waiting", "still waiting"}));
    });
}
// [/virtual]

// [memory]
TEST(tutorial, a_handler_without_a_network) {
    bide::testing::run_test([]() -> bide::coro<void> {
        auto [near, far, link] = bide::testing::memory_streams();
        auto handler = bide::create_task(shout, std::move(far.reader), std::move(far.writer));
        near.writer.write("hello\n");
        const std::string answer = co_await near.reader.readline();
        EXPECT_EQ(answer, "HELLO\n");
        near.writer.close();
        co_await handler;
    });
}
// [/memory]

// [everywhere]
TEST(tutorial, first_answer_can_be_cancelled_anywhere) {
    bide::testing::cancel_everywhere([]() -> bide::coro<void> {
        bide::queue<int> answers;
        bide::get_running_loop().call_later(80s, [&] { answers.put_nowait(42); });
        co_await first_answer(answers);
    });
}
// [/everywhere]

// [hang]
bide::coro<void> never_put() {
    bide::queue<int> answers;
    const int answer = co_await answers.get();  // nobody will ever put one in
    log.push_back(std::to_string(answer));
}

bide::coro<void> hangs() { co_await bide::gather(never_put(), never_put()); }
// [/hang]

TEST(tutorial, a_hang_is_reported) {
    std::string text;
    try {
        bide::run(hangs());
    } catch (const bide::deadlock_error& error) { text = error.what(); }
    EXPECT_NE(text.find("waits for queue.get"), std::string::npos) << text;
    EXPECT_NE(text.find("at never_put ("), std::string::npos) << text;
}

}  // namespace
