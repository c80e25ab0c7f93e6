// bide/examples: functions that the loop calls.
#include <bide/bide.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <iostream>
#include <string>
#include <system_error>

using namespace std::chrono_literals;

// An I/O operation: it is complete when somebody has written to the pipe.
bide::coro<std::string> receive(int pipe) {
    co_await bide::wait_readable(pipe);
    std::array<char, 100> buffer{};
    const auto size = ::read(pipe, buffer.data(), buffer.size());
    co_return std::string(buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
}

void say(const std::string& what) { std::cout << what << '\n'; }

bide::coro<void> async_main() {
    auto& loop = bide::get_running_loop();
    std::array<int, 2> pipe{};
    if (::pipe(pipe.data()) != 0) throw std::system_error(errno, std::generic_category(), "pipe");

    auto operation = bide::create_task(receive(pipe[0]));
    operation.add_done_callback(
        [](const bide::task<std::string>& done) { say("4 it is complete: " + done.result()); });

    loop.call_later(60ms, [write_end = pipe[1]] {
        say("3 60 ms are over: writing");
        if (::write(write_end, "pong", 4) != 4) say("the pipe is full");
    });
    loop.call_later(30ms, say, "2 30 ms are over");
    auto never = loop.call_later(10ms, say, "this call was taken back");
    never.cancel();
    loop.call_soon(say, "1 called soon, though asked for last");
    say("0 nothing is called before main waits");

    co_await operation;
    say("5 main goes on");
    ::close(pipe[0]);
    ::close(pipe[1]);
}

int main() { bide::run(async_main()); }
