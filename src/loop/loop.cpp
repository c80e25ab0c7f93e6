// bide/loop: event_loop, the public face of loop_core.
#include <bide/loop.hpp>

#include <bide/error.hpp>

#include <charconv>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "loop/fd_watch.hpp"
#include "loop/loop_core.hpp"
#include "loop/signal_handlers.hpp"
#include "os/backend.hpp"

namespace bide {

namespace {

// The two lists of backends have the same order: one is public, the other is of the layer below.
detail::backend_kind kind_of(backend_type type) noexcept {
    static_assert(static_cast<int>(backend_type::automatic) ==
                  static_cast<int>(detail::backend_kind::automatic));
    return static_cast<detail::backend_kind>(type);
}

std::uint64_t seed_from(std::string_view text) {
    std::uint64_t seed = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seed);
    if (error != std::errc() || end != text.data() + text.size()) {
        throw std::invalid_argument("BIDE_SHUFFLE is '" + std::string(text) +
                                    "'; use a number, 0 for no shuffling");
    }
    return seed;
}

// What the program left open is decided by the environment.
loop_options completed(loop_options options) {
    if (!options.debug()) {
        const char* const text = std::getenv("BIDE_DEBUG");
        options.debug(text != nullptr && *text != '\0');
    }
    if (!options.shuffle()) {
        const char* const text = std::getenv("BIDE_SHUFFLE");
        options.shuffle(text == nullptr || *text == '\0' ? 0 : seed_from(text));
    }
    return options;
}

}  // namespace

event_loop::event_loop(const loop_options& options) {
    detail::backend_choice choice = detail::choose_backend(kind_of(options.backend()));
    core_ = std::make_unique<detail::loop_core>(*this, std::move(choice.chosen), std::move(choice.reason),
                                                completed(options));
    state_ = core_.get();
}

event_loop::event_loop(std::unique_ptr<detail::backend> backend, const loop_options& options)
    : core_(std::make_unique<detail::loop_core>(*this, std::move(backend), "given by the caller",
                                                completed(options))),
      state_(core_.get()) {}

event_loop::~event_loop() { close(); }

void event_loop::run_forever() {
    check_may_run("run_forever");
    core_->run_forever();
}

void event_loop::check_may_run(const char* call) const {
    const auto refuse = [call](const char* why) {
        throw invalid_state_error(std::string(call) + ": " + why);
    };
    if (closed_) refuse("the event loop is closed; make a new one");
    if (is_running()) refuse("this event loop is already running");
    if (detail::this_loop != nullptr)
        refuse("another event loop is running in this thread; await instead of running");
    if (core_->os->inherited()) refuse("this event loop was made before fork(); make a new one in the child");
    if (core_->runner && !core_->runner.is_here())
        refuse("this event loop belongs to the thread that ran it first; make one loop for each thread");
}

void event_loop::stop() {
    if (BIDE_CHECKED != 0 || state_->debug) check_thread("stop");
    core_->stopping = true;
}
bool event_loop::is_running() const noexcept {
    return core_->thread.load(std::memory_order_relaxed) != std::thread::id();
}
bool event_loop::is_closed() const noexcept { return closed_; }

void event_loop::close() {
    if (closed_) return;
    if (is_running()) throw invalid_state_error("close: the event loop is running; stop it first");
    if (core_->os->in_flight() != 0 && core_->runner && !core_->runner.is_here() &&
        !core_->runner.has_ended()) {
        throw invalid_state_error("close: operations are in flight and the thread that ran this event loop "
                                  "is alive; close it there");
    }
    closed_ = true;
    detail::close_signals(*core_);
    core_->close();
}

void event_loop::check_call_slow() const {
    if (closed_) throw invalid_state_error("the event loop is closed");
    check_thread("");
}

void event_loop::check_thread(const char* call) const {
    if (!core_->runs_elsewhere()) return;
    throw invalid_state_error(
        std::string(call) + (*call == '\0' ? "" : ": ") +
        "this event loop runs in another thread; use call_soon_threadsafe or run_coroutine_threadsafe");
}

void event_loop::adopt(detail::callback& what) noexcept {
    what.owner = state_;
    what.context = detail::retain(state_->context);
}

void event_loop::post(detail::callback& what) {
    what.threadsafe = true;
    what.owner = state_;
    if (detail::this_loop != nullptr) what.context = detail::retain(detail::this_loop->context);
    if (core_->door->post(what)) return;
    detail::discard_callback(what);
    detail::release_callback(what);
    throw invalid_state_error("call_soon_threadsafe: the event loop is closed");
}

void event_loop::insert_timer(detail::callback& what, std::int64_t when) noexcept {
    adopt(what);
    what.when = when;
    what.in_timers = true;
    core_->timers.insert(what);
}

void event_loop::watch(int fd, bool writing, move_only_function<void()> fn) {
    check_call();
    detail::add_watch(*core_, fd, writing, std::move(fn));
}

bool event_loop::remove_reader(int fd) {
    if (closed_) return false;  // clean-up code need not know
    check_call();
    return detail::remove_watch(*core_, fd, false);
}

bool event_loop::remove_writer(int fd) {
    if (closed_) return false;
    check_call();
    return detail::remove_watch(*core_, fd, true);
}

void event_loop::handle_signal(int number, move_only_function<void()> fn) {
    check_call();
    detail::add_signal(*core_, number, std::move(fn));
}

bool event_loop::remove_signal_handler(int number) {
    if (closed_) return false;
    check_call();
    return detail::remove_signal(*core_, number);
}

void event_loop::forget(int fd) noexcept { core_->os->forget(fd); }

void event_loop::set_task_factory(task_factory factory) { core_->factory = std::move(factory); }
bool event_loop::has_task_factory() const noexcept { return static_cast<bool>(core_->factory); }

duration event_loop::slow_callback_duration() const noexcept { return duration(core_->slow_ns); }
void event_loop::set_slow_callback_duration(duration limit) noexcept { core_->slow_ns = limit.count(); }

const char* event_loop::backend_name() const noexcept { return core_->os->name(); }
const std::string& event_loop::backend_reason() const noexcept { return core_->reason; }

std::int64_t event_loop::now() const noexcept { return core_->os->now(); }

event_loop* running_loop() noexcept {
    return detail::this_loop == nullptr ? nullptr : detail::this_loop->loop;
}

event_loop& get_running_loop() {
    event_loop* const loop = running_loop();
    if (loop == nullptr) {
        throw invalid_state_error("no event loop is running in this thread; start one with bide::run(...)");
    }
    return *loop;
}

}  // namespace bide
