// bide/system: start other programs, talk to them, and wait for their end.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/system/child_settings.hpp>
#include <bide/stream.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace bide {

/// How a child process is started. Python: the keyword arguments of create_subprocess_exec and subprocess.Popen.
class subprocess_options {
public:
    /// The child's standard streams. Default: those of this process. A pipe is read and written with the streams of
    /// `process`; a descriptor stays the caller's. Python: stdin, stdout, stderr = PIPE, DEVNULL, STDOUT, a descriptor.
    subprocess_options& stdin_pipe() noexcept { return stream(0, detail::stream_source::pipe); }
    subprocess_options& stdin_devnull() noexcept { return stream(0, detail::stream_source::null_device); }
    subprocess_options& stdin_fd(int fd) noexcept { return stream(0, detail::stream_source::descriptor, fd); }
    subprocess_options& stdout_pipe() noexcept { return stream(1, detail::stream_source::pipe); }
    subprocess_options& stdout_devnull() noexcept { return stream(1, detail::stream_source::null_device); }
    subprocess_options& stdout_fd(int fd) noexcept {
        return stream(1, detail::stream_source::descriptor, fd);
    }
    subprocess_options& stderr_pipe() noexcept { return stream(2, detail::stream_source::pipe); }
    subprocess_options& stderr_devnull() noexcept { return stream(2, detail::stream_source::null_device); }
    subprocess_options& stderr_fd(int fd) noexcept {
        return stream(2, detail::stream_source::descriptor, fd);
    }
    /// Where standard output goes.
    subprocess_options& stderr_to_stdout() noexcept {
        return stream(2, detail::stream_source::standard_output);
    }

    /// All three are a new terminal, whose other side is stdin_writer() and stdout_reader(); for programs that behave
    /// otherwise, or refuse, without one. The child leads a new session. Python: none (pty.openpty).
    subprocess_options& terminal(unsigned short rows = 24, unsigned short columns = 80) noexcept;

    /// The limit of the readers; see stream_reader. Default: 64 KiB. Python: limit.
    subprocess_options& limit(std::size_t bytes) noexcept {
        settings_.limit = bytes;
        return *this;
    }

    /// The folder in which it starts; a program that is named by a relative path is looked up from there. Python: cwd.
    subprocess_options& cwd(std::string folder) {
        settings_.folder = std::move(folder);
        return *this;
    }
    /// The whole environment. Default: that of this process. Python: env.
    subprocess_options& env(const std::map<std::string, std::string>& variables);
    /// One variable more, or another value for it. Python: env={**os.environ, name: value}.
    subprocess_options& set_env(std::string name, std::string value);
    /// The file to run when it is not the one that the first argument names. Python: executable.
    subprocess_options& executable(std::string path) {
        settings_.executable = std::move(path);
        return *this;
    }

    /// Python: umask.
    subprocess_options& umask(unsigned mask) noexcept {
        settings_.umask = mask;
        return *this;
    }
    /// setsid(2): a new session and process group, out of reach of the terminal's Ctrl-C. Python: start_new_session.
    subprocess_options& start_new_session() noexcept {
        settings_.new_session = true;
        return *this;
    }
    /// setpgid(2): 0 for a new process group. Python: process_group.
    subprocess_options& process_group(int group = 0) noexcept {
        settings_.process_group = group;
        return *this;
    }

    /// A descriptor that the child has, too, under its own number or another one. All others but the standard streams
    /// are closed in the child, close-on-exec or not. Python: pass_fds (under its own number).
    subprocess_options& pass_fd(int fd) { return pass_fd(fd, fd); }
    subprocess_options& pass_fd(int fd, int number_in_child) {
        settings_.descriptors.push_back({fd, number_in_child});
        return *this;
    }

    /// setrlimit(2): `which` is RLIMIT_NOFILE or the like. Python: none (preexec_fn).
    subprocess_options& resource_limit(int which, std::uint64_t soft, std::uint64_t hard) {
        settings_.limits.push_back({which, soft, hard});
        return *this;
    }

    /// Run as another user; needs the right to. Groups other than `group` stay unless they are given, too.
    /// Python: user, group, extra_groups; by number only, as looking up a name may block.
    subprocess_options& user(std::uint32_t id) noexcept {
        settings_.user = id;
        return *this;
    }
    subprocess_options& group(std::uint32_t id) noexcept {
        settings_.group = id;
        return *this;
    }
    subprocess_options& extra_groups(std::vector<std::uint32_t> ids) {
        settings_.groups = std::move(ids);
        return *this;
    }

    /// Whether every signal has its default action in the child and none is blocked. If not, those that are ignored and
    /// those that are blocked stay so. Default: true. Python: restore_signals, for SIGPIPE and two others.
    subprocess_options& restore_signals(bool on = true) noexcept {
        settings_.resets_signals = on;
        return *this;
    }

    /// For bide's own layers.
    [[nodiscard]] const detail::child_settings& settings() const noexcept { return settings_; }

private:
    subprocess_options& stream(int which, detail::stream_source from, int fd = -1) noexcept {
        settings_.streams[which] = {from, fd};
        return *this;
    }

    detail::child_settings settings_;
};

/// What communicate() gives: `auto [out, err] = co_await child.communicate();`
class process_output {
public:
    process_output(std::string o, std::string e) noexcept : out(std::move(o)), err(std::move(e)) {}

    std::string out;  ///< empty when standard output is no pipe
    std::string err;  ///< empty when standard error is no pipe
};

namespace detail {

class child_process;  // src/system/child_process.hpp
void retain_child(child_process& child) noexcept;
void release_child(child_process& child) noexcept;

class child_ref {
public:
    explicit child_ref(child_process* adopted) noexcept : child_(adopted) {}
    child_ref(const child_ref& other) noexcept : child_(other.child_) { retain_child(*child_); }
    child_ref(child_ref&& other) noexcept : child_(std::exchange(other.child_, nullptr)) {}
    child_ref& operator=(child_ref other) noexcept {
        std::swap(child_, other.child_);
        return *this;
    }
    ~child_ref() {
        if (child_ != nullptr) release_child(*child_);
    }
    child_process* operator->() const noexcept { return child_; }
    child_process& operator*() const noexcept { return *child_; }
    explicit operator bool() const noexcept { return child_ != nullptr; }

private:
    child_process* child_;
};

}  // namespace detail

/// A program that was started. Movable; when it is destroyed (or its loop is closed) while the program runs, the program
/// is killed, its pipes are closed, and it is reaped in the background. The end is noticed also when nobody waits for it,
/// so there are no zombies. One that was moved from throws invalid_state_error for every call.
/// Threads: the loop's; any thread may have such a loop. Python: asyncio.subprocess.Process.
class process {
public:
    /// For bide's own layers.
    explicit process(detail::child_ref child) noexcept : child_(std::move(child)) {}
    process(const process&) = delete;
    process& operator=(const process&) = delete;
    process(process&&) noexcept = default;
    process& operator=(process&& other) noexcept;
    ~process();

    /// The process id; that of the shell for create_subprocess_shell(). Python: pid.
    [[nodiscard]] int pid() const;
    /// Empty while it runs; then its exit status, -N when signal N ended it, 255 when other code has reaped it.
    /// Python: returncode.
    [[nodiscard]] std::optional<int> returncode() const;

    /// The pipes. Throw: invalid_state_error for a stream that is no pipe (there, None). Python: stdin, stdout, stderr.
    [[nodiscard]] const stream_writer& stdin_writer() const;
    [[nodiscard]] const stream_reader& stdout_reader() const;
    [[nodiscard]] const stream_reader& stderr_reader() const;

    /// Waits until it has ended and its pipes are closed by everybody who has them: a process that it left in the
    /// background, and that holds one, delays this. Returns at once when returncode() is known. Any number of tasks may
    /// wait. A child that writes more than its pipe holds ends only when somebody reads: see communicate().
    /// Returns: returncode(). Cancellation: the process goes on. Python: wait.
    [[nodiscard]] coro<int> wait() const;
    /// Waits until it has ended, whatever becomes of its pipes. Python: none.
    [[nodiscard]] coro<int> wait_exited() const;
    /// Waits until it has ended and its pipes are closed, also when returncode() is known. Python: none.
    [[nodiscard]] coro<int> wait_closed() const;

    /// Writes `input` to its standard input and closes that, reads both outputs to their end, all at the same time, and
    /// then waits as wait_closed() does. A child that does not want its input is no error. Without a pipe for it the child
    /// gets no input. In a terminal, the end of the input is what Ctrl-D says: the child sees it as long as it leaves the
    /// terminal in canonical mode, in which it starts; a program that switches that off (an editor, a shell with line
    /// editing) reads Ctrl-D as a character, and ends only if it takes that for its end.
    /// Throws: invalid_state_error for input without a pipe to write it to; std::system_error.
    /// Cancellation: the process goes on; what was read is kept for the next communicate(). What was written stays written.
    /// Limits: holds all output in memory. Python: communicate.
    [[nodiscard]] coro<process_output> communicate(std::string input = {}) const;

    /// Sends a signal, SIGTERM, SIGKILL. Nothing happens when it has just ended.
    /// Throws: std::system_error: ESRCH when it has ended and its pipes are closed, EPERM, EINVAL for no such signal.
    /// Python: send_signal, terminate, kill.
    void send_signal(int number) const;
    void terminate() const;
    void kill() const;

    /// Tells a child in a terminal of its own that the window has changed. Throws: invalid_state_error without one.
    /// Python: none (termios.tcsetwinsize).
    void resize_terminal(unsigned short rows, unsigned short columns) const;

private:
    [[nodiscard]] detail::child_process& child() const;

    detail::child_ref child_;
};

namespace detail {

// A program with its arguments, argv[0] first. `call` names the function in errors.
class command {
public:
    command(const char* c, std::vector<std::string> a, subprocess_options o)
        : call(c), arguments(std::move(a)), options(std::move(o)) {}

    template <class... Args>
    static command of(const char* call, std::string program, Args&&... args) {
        command made(call, {}, {});
        made.arguments.reserve(sizeof...(args) + 1);
        made.arguments.push_back(std::move(program));
        (made.add(std::forward<Args>(args)), ...);
        return made;
    }

    const char* call;
    std::vector<std::string> arguments;
    subprocess_options options;

private:
    template <class T>
    void add(T&& given) {
        if constexpr (std::same_as<std::remove_cvref_t<T>, subprocess_options>) {
            options = std::forward<T>(given);
        } else {
            arguments.emplace_back(std::forward<T>(given));
        }
    }
};

coro<process> start_process(command what);

template <class T>
concept program_argument =
    std::constructible_from<std::string, T> || std::same_as<std::remove_cvref_t<T>, subprocess_options>;

}  // namespace detail

/// Starts a program: `co_await bide::create_subprocess_exec("ls", "-l", bide::subprocess_options{}.stdout_pipe())`. A name
/// without a slash is looked up in PATH, that of options.env() where it is given. The options, if any, come last.
/// Suspends: never; it holds the loop's thread until the program runs, as long as one start takes (less than 1 ms).
/// Throws: std::system_error that names what failed: the program, its folder, a limit; std::invalid_argument for text
/// with a zero byte in it. Nothing is left of the child then. Python: create_subprocess_exec.
template <detail::program_argument... Args>
[[nodiscard]] coro<process> create_subprocess_exec(std::string program, Args&&... args) {
    return detail::start_process(
        detail::command::of("create_subprocess_exec", std::move(program), std::forward<Args>(args)...));
}
/// The same for arguments in a vector, the program first.
[[nodiscard]] coro<process> create_subprocess_exec(std::vector<std::string> command,
                                                   subprocess_options options = {});

/// Runs a command line with /bin/sh. Quoting what comes from elsewhere is the caller's duty; better, pass it as an
/// argument to create_subprocess_exec(). Python: create_subprocess_shell.
[[nodiscard]] coro<process> create_subprocess_shell(std::string command, subprocess_options options = {});

}  // namespace bide
