// bide/loop: add_signal_handler and remove_signal_handler, as a reader of what the signal handler writes to.
#include "loop/signal_handlers.hpp"

#include <bide/error.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <string>
#include <utility>

#include "loop/fd_watch.hpp"
#include "loop/loop_core.hpp"
#include "os/signal_watch.hpp"

namespace bide::detail {

namespace {

void call_handler(loop_core& loop, int number, move_only_function<void()>& fn) {
    try {
        fn();
    } catch (const keyboard_interrupt&) { throw; } catch (const system_exit&) {
        throw;
    } catch (...) {
        report(loop, {"Exception in the handler of signal " + std::to_string(number),
                      std::current_exception(),
                      {},
                      {}});
    }
}

}  // namespace

void add_signal(loop_core& loop, int number, move_only_function<void()> fn) {
    remove_signal(loop, number);
    const auto watch = std::make_shared<signal_watch>(number);
    loop.signals.reserve(loop.signals.size() + 1);
    add_watch(loop, watch->fd(), false, [&loop, watch, call = std::move(fn)]() mutable {
        if (watch->clear()) call_handler(loop, watch->number(), call);
    });
    loop.signals.push_back(watch);
}

bool remove_signal(loop_core& loop, int number) noexcept {
    const auto at = std::find_if(loop.signals.begin(), loop.signals.end(),
                                 [&](const auto& each) { return each->number() == number; });
    if (at == loop.signals.end()) return false;
    const auto watch = std::move(*at);
    loop.signals.erase(at);
    watch->stop();
    remove_watch(loop, watch->fd(), false);
    loop.os->forget(watch->fd());  // it is not closed, and the next watch may be in another loop
    return true;
}

void close_signals(loop_core& loop) noexcept {
    while (!loop.signals.empty()) remove_signal(loop, loop.signals.back()->number());
}

}  // namespace bide::detail
