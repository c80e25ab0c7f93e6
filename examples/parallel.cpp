// bide/examples: runs the shell commands that it reads, N at once, and prints what they print in their order.
// `parallel [N] < commands`. Its exit status is that of xargs: 123 when a command has failed; 124 when one has ended with 255,
// 125 when a signal has ended one, and 1 when a command is longer than 64 KiB: then no further ones are started.
#include <bide/bide.hpp>

#include <algorithm>
#include <iostream>
#include <string>
#include <thread>

constexpr std::size_t most_waiting = 100;  // commands behind the one whose turn it is to print

using command = bide::task<bide::process_output>;

int status_for(int returncode) {
    if (returncode == 0) return 0;
    return returncode == 255 ? 124 : returncode < 0 ? 125 : 123;
}

bide::coro<bide::process_output> run_command(std::string line, bide::semaphore::guard place, int& status) {
    auto options = bide::subprocess_options().stdin_devnull().stdout_pipe().stderr_pipe();
    auto shell = co_await bide::create_subprocess_shell(line, options);
    auto output = co_await shell.communicate();
    status = std::max(status, status_for(*shell.returncode()));
    place.release();
    co_return output;
}

bide::coro<void> print_in_order(bide::queue<command>& started) {
    try {
        for (;;) {
            auto next = co_await started.get();
            auto [out, err] = co_await next;
            std::cout << out << std::flush;
            std::cerr << err << std::flush;
        }
    } catch (const bide::queue_shut_down&) {}  // that was the last one
}

bide::coro<int> run_all(unsigned at_once) {
    int status = 0;
    bide::semaphore places(at_once);
    bide::queue<command> started(most_waiting);
    // The group ends with its last child, so what they refer to is there until then, also on Ctrl-C.
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        group.create_task(print_in_order(started));
        auto input = bide::open_stdin();
        try {
            for (;;) {
                auto place = co_await places.scoped();
                if (status >= 124) break;
                auto line = co_await input.next_line();
                if (!line) break;
                auto next = group.create_task(run_command(*line, std::move(place), status));
                co_await started.put(std::move(next));
            }
        } catch (const bide::limit_overrun_error&) {
            std::cerr << "parallel: argument line too long\n";
            status = std::max(status, 1);
        }
        started.shutdown();
    });
    co_return status;
}

int main(int argc, char** argv) {
    const unsigned at_once = argc > 1 ? std::stoul(argv[1]) : std::thread::hardware_concurrency();
    try {
        return bide::run(run_all(std::max(at_once, 1U)));
    } catch (const bide::keyboard_interrupt&) { return 130; } catch (const bide::exception_group& errors) {
        std::cerr << "parallel: " << bide::describe_exception(errors.exceptions().front()) << '\n';
        return 1;
    }
}
