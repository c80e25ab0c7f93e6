// bide/net: one connection of a server, from its handler's first step to its end.
#include "net/serve_client.hpp"

#include <bide/error.hpp>

#include <exception>

#include "loop/loop_core.hpp"
#include "net/stream_core.hpp"

namespace bide::detail {

coro<void> serve_client(std::shared_ptr<client_handler> handler, connection client) {
    const stream_ref stream = client.writer.stream();
    std::exception_ptr error;
    try {
        auto body = handler->serve(std::move(client.reader), std::move(client.writer));
        co_await std::move(body);
    } catch (const base_exception&) {
        stream->close();
        throw;
    } catch (...) { error = std::current_exception(); }
    if (!error) co_return;
    const bool peer_gone = error == stream->error();
    stream->close();
    loop_state& loop = stream->loop();
    if (peer_gone && !loop.debug) co_return;
    report(static_cast<loop_core&>(loop),
           {"Unhandled exception in the handler of a connection", error, {}, {}});
}

}  // namespace bide::detail
