// bide/system: what a program does with a process that it has started.
#include <bide/subprocess.hpp>

#include <bide/as_result.hpp>
#include <bide/detail/core/io_awaiter.hpp>
#include <bide/detail/os/ops.hpp>
#include <bide/error.hpp>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "net/stream_core.hpp"
#include "os/child_pipes.hpp"
#include "system/child_process.hpp"

namespace bide {

namespace detail {

namespace {

coro<int> until_exited(child_ref child) {
    child_process& it = *child;
    co_await it.exited.wait();
    co_return *it.code();
}

// Nobody has the other end of the pipe any more, or this side has closed it.
coro<void> until_hung_up(stream_ref pipe) {
    op_args args;
    args.fd = pipe ? pipe->descriptor() : -1;
    if (args.fd < 0) co_return;
    const auto ended = co_await as_result(io_awaiter(poll_hangup_op, args));
    if (!ended && ended.error() != std::errc::operation_canceled) {
        throw std::system_error(ended.error(), "wait for the end of a pipe");
    }
}

coro<int> until_ended(child_ref child) {
    child_process& it = *child;
    if (!it.code()) co_await until_closed(child);
    co_return *it.code();
}

const child_ref& held(const child_ref& child) {
    if (!child) throw invalid_state_error("this process handle is empty: it was moved from");
    return child;
}

[[noreturn]] BIDE_COLD void throw_no_pipe(const char* stream) {
    throw invalid_state_error(std::string("process: ") + stream +
                              " is no pipe; start it with subprocess_options()." + stream + "_pipe()");
}

}  // namespace

coro<int> until_closed(child_ref child) {
    child_process& it = *child;
    co_await it.exited.wait();
    for (const stream_ref& each : it.sources) co_await until_hung_up(each);
    co_return *it.code();
}

coro<process> start_process(command what) {
    process made(start_child(what.call, what.arguments, what.options.settings()));
    co_return made;
}

}  // namespace detail

subprocess_options& subprocess_options::terminal(unsigned short rows, unsigned short columns) noexcept {
    settings_.terminal = detail::terminal_size{rows, columns};
    return *this;
}

subprocess_options& subprocess_options::env(const std::map<std::string, std::string>& variables) {
    settings_.clears_environment = true;
    settings_.environment.assign(variables.begin(), variables.end());
    return *this;
}

subprocess_options& subprocess_options::set_env(std::string name, std::string value) {
    settings_.environment.emplace_back(std::move(name), std::move(value));
    return *this;
}

process& process::operator=(process&& other) noexcept {
    if (this != &other) {
        if (child_) child_->drop();
        child_ = std::move(other.child_);
    }
    return *this;
}

process::~process() {
    if (child_) child_->drop();
}

detail::child_process& process::child() const { return *detail::held(child_); }

int process::pid() const { return child().pid(); }
std::optional<int> process::returncode() const { return child().code(); }

const stream_writer& process::stdin_writer() const {
    if (!child().in) detail::throw_no_pipe("stdin");
    return *child().in;
}
const stream_reader& process::stdout_reader() const {
    if (!child().out) detail::throw_no_pipe("stdout");
    return *child().out;
}
const stream_reader& process::stderr_reader() const {
    if (!child().err) detail::throw_no_pipe("stderr");
    return *child().err;
}

coro<int> process::wait() const { return detail::until_ended(detail::held(child_)); }
coro<int> process::wait_exited() const { return detail::until_exited(detail::held(child_)); }
coro<int> process::wait_closed() const { return detail::until_closed(detail::held(child_)); }

coro<process_output> process::communicate(std::string input) const {
    return detail::talk(detail::held(child_), std::move(input));
}

void process::send_signal(int number) const {
    const int result = child().signal(number);
    if (result == 0) return;
    throw std::system_error(-result, std::generic_category(),
                            "send signal " + std::to_string(number) + " to process " + std::to_string(pid()));
}
void process::terminate() const { send_signal(SIGTERM); }
void process::kill() const { send_signal(SIGKILL); }

void process::resize_terminal(unsigned short rows, unsigned short columns) const {
    if (!child().has_terminal) {
        throw invalid_state_error("resize_terminal: the process has no terminal of its own; start it with "
                                  "subprocess_options().terminal()");
    }
    const int result = detail::sys::resize_terminal(child().descriptor(1), rows, columns);
    if (result < 0) throw std::system_error(-result, std::generic_category(), "resize_terminal");
}

coro<process> create_subprocess_exec(std::vector<std::string> command, subprocess_options options) {
    return detail::start_process(
        detail::command("create_subprocess_exec", std::move(command), std::move(options)));
}

coro<process> create_subprocess_shell(std::string command, subprocess_options options) {
    std::vector<std::string> arguments{"/bin/sh", "-c", std::move(command)};
    return detail::start_process(
        detail::command("create_subprocess_shell", std::move(arguments), std::move(options)));
}

}  // namespace bide
