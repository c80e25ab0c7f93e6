// bide/net: what serves the connections of a server, without its type.
#pragma once

#include <bide/coro.hpp>
#include <bide/stream.hpp>

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace bide::detail {

class server_state;  // src/net/server_state.hpp

// Called once for each connection, in its task. Outlives all of them.
class client_handler {
public:
    client_handler() = default;
    client_handler(const client_handler&) = delete;
    client_handler& operator=(const client_handler&) = delete;
    virtual ~client_handler() = default;
    virtual coro<void> serve(stream_reader reader, stream_writer writer) = 0;
};

// A user's handler: a coroutine or, as in asyncio, a function.
template <class F>
concept client_function =
    std::invocable<std::decay_t<F>&, stream_reader, stream_writer> &&
    (std::is_void_v<std::invoke_result_t<std::decay_t<F>&, stream_reader, stream_writer>> ||
     std::same_as<std::invoke_result_t<std::decay_t<F>&, stream_reader, stream_writer>, coro<void>>);

coro<void> nothing();

template <class F>
class client_handler_of final : public client_handler {
public:
    explicit client_handler_of(F function) : function_(std::move(function)) {}
    coro<void> serve(stream_reader reader, stream_writer writer) override {
        if constexpr (std::is_void_v<std::invoke_result_t<F&, stream_reader, stream_writer>>) {
            function_(std::move(reader), std::move(writer));
            return nothing();
        } else {
            return function_(std::move(reader), std::move(writer));
        }
    }

private:
    F function_;
};

template <class F>
std::shared_ptr<client_handler> make_client_handler(F function) {
    return std::make_shared<client_handler_of<F>>(std::move(function));
}

}  // namespace bide::detail
