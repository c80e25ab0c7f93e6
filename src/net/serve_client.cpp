// bide/net: one connection of a server, from its handler's first step to its end.
#include "net/serve_client.hpp"

#include <bide/as_result.hpp>

#include <exception>
#include <utility>

#include "loop/loop_core.hpp"
#include "net/stream_core.hpp"

namespace bide::detail {

namespace {

// The stream of a connection while its handler runs; closes it when the handler does not end by itself.
class served_stream {
public:
    explicit served_stream(const connection& client) : stream_(client.writer.stream()) {}
    served_stream(const served_stream&) = delete;
    served_stream& operator=(const served_stream&) = delete;
    ~served_stream() {
        if (stream_) stream_->close();
    }

    void ended() noexcept { stream_ = {}; }
    BIDE_COLD void failed(const std::exception_ptr& error) {
        const stream_ref stream = std::move(stream_);
        const bool peer_gone = error == stream->error();
        stream->close();
        loop_state& loop = stream->loop();
        if (peer_gone && !loop.debug) return;
        report(static_cast<loop_core&>(loop),
               {"Unhandled exception in the handler of a connection", error, {}, {}});
    }

private:
    stream_ref stream_;
};

coro<void> call(client_handler& handler, connection& client) {
    return handler.serve(std::move(client.reader), std::move(client.writer));
}

}  // namespace

// Every connection that waits has a frame of this: what is not needed meanwhile is left to functions.
coro<void> serve_client(counted_ref<client_service> service, connection client) {
    served_stream stream(client);
    auto body = as_result(call(service->handler(), client));
    const result<void> outcome = co_await std::move(body);
    if (outcome) {
        stream.ended();
    } else {
        stream.failed(outcome.exception());
    }
}

}  // namespace bide::detail
