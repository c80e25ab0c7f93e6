// bide/net: connections are given to protocols, and to TLS.
#include <bide/create_connection.hpp>

#include <bide/error.hpp>
#include <bide/future.hpp>
#include <bide/sleep.hpp>

#include <chrono>
#include <stdexcept>
#include <utility>

#include "net/tls_stream.hpp"
#include "net/transport_state.hpp"

namespace bide {

namespace detail {

coro<transport> connect_protocol(stream_ref stream, std::shared_ptr<stream_protocol> protocol) {
    const future<void> made = create_future<void>();
    const transport over(*new transport_state(std::move(stream), std::move(protocol)));
    over.state().begin(made);
    try {
        co_await made;
    } catch (...) {
        over.close();
        throw;
    }
    co_return over;
}

coro<connection> encrypt_accepted(socket accepted, tls_context context, start_tls_options options) {
    auto adopting = open_for("connect_accepted_socket", std::move(accepted), connection_options());
    connection plain = co_await std::move(adopting);
    auto encrypting = start_tls(std::move(plain), std::move(context), std::move(options));
    co_return co_await std::move(encrypting);
}

}  // namespace detail

coro<transport> start_tls(transport plain, tls_context context, start_tls_options options) {
    const transport old = std::move(plain);
    const bool server = context.server_side();
    detail::transport_state& state = old.state();
    static_cast<void>(state.stream("start_tls"));  // throws where another start_tls() was first
    if (state.closing()) throw invalid_state_error("start_tls: the connection is closed");
    if (!server && !options.server_hostname()) {
        throw std::invalid_argument(
            "start_tls: a client must say the server_hostname() that the certificate is for; "
            "an empty one turns the check off");
    }
    const detail::stream_ref lower = state.stream_or_null();
    detail::stream_ref upper;
    state.stop_for_good();
    try {
        // A task that starts eagerly may be inside data_received(), while the stream hands out what it has received.
        co_await sleep(std::chrono::seconds(0));
        const std::string arrived = co_await lower->end_receiving();
        std::string already = state.take_kept();
        already += arrived;
        std::string host = server ? std::string() : *options.server_hostname();
        auto work = detail::start_tls_over(
            lower, std::move(context), server ? detail::tls_side::server : detail::tls_side::client,
            std::move(host), std::move(already), options.handshake_limit(), options.shutdown_limit());
        upper = co_await std::move(work);
        if (!state.get_protocol())
            throw invalid_state_error("start_tls: the connection was closed meanwhile");
    } catch (...) {
        state.handshake_failed(std::current_exception());
        throw;
    }
    const transport over(*new detail::transport_state(std::move(upper), state.get_protocol()));
    state.give_away();
    over.state().skip_introduction();
    over.state().begin({});
    co_return over;
}

}  // namespace bide
