// bide/net: receives for a stream's sink where the kind of stream has no better way: a task of the library's own.
#pragma once

#include <bide/coro.hpp>
#include <bide/detail/net/stream_ref.hpp>
#include <bide/task.hpp>

#include <exception>
#include <string>

namespace bide::detail {

// Belongs to its stream. The task runs while bytes are wanted or a receive is under way; it holds the stream.
class receive_pump {
public:
    explicit receive_pump(stream_core& stream) noexcept : stream_(stream) {}

    void start();
    void stop() noexcept { wanted_ = false; }
    coro<std::string> end();

private:
    static coro<void> run(stream_ref stream, receive_pump& self);
    void deliver();

    stream_core& stream_;
    task<void> task_;
    std::string bytes_;         // received and not delivered
    std::exception_ptr error_;  // that ended receiving
    bool ended_ = false;
    bool wanted_ = false;
    bool running_ = false;
};

}  // namespace bide::detail
