// bide/net: a byte stream inside another one, encrypted: its beginning, and what is known about it.
#include <bide/error.hpp>
#include <bide/timeout.hpp>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <system_error>

#include "net/tls_core.hpp"
#include "net/tls_stream.hpp"

namespace bide::detail {

tls_stream::tls_stream(stream_ref lower, tls_context context, std::string host, duration shutdown_limit)
    : stream_core(lower->loop()),
      context_(std::move(context)),
      engine_(context_.state(), std::move(host)),
      shutdown_limit_(shutdown_limit),
      lower_(std::move(lower)),
      lower_watcher_(std::exchange(lower_->watcher, static_cast<stream_watcher*>(this))),
      below_(dynamic_cast<tls_stream*>(lower_.get())) {
    if (below_ != nullptr) below_->above_ = this;
}

tls_stream::~tls_stream() {
    if (lower_->watcher == this) lower_->watcher = lower_watcher_;
    if (below_ != nullptr) below_->above_ = nullptr;
}

std::string tls_stream::title() const {
    const std::string& host = engine_.host();
    const std::string peer = lower_->extra_info("peername");
    if (host.empty()) return "TLS with " + (peer.empty() ? "the peer" : peer);
    return "TLS with '" + host + "'" + (peer.empty() ? "" : " (" + peer + ")");
}

std::string tls_stream::extra_info(std::string_view name) const {
    if (name == "cipher") return engine_.cipher();
    if (name == "tls_version") return engine_.version();
    if (name == "alpn_protocol") return engine_.alpn();
    if (name == "peercert") return engine_.peer_certificate();
    if (name == "server_hostname") return engine_.server_name();
    if (name == "session_reused") return engine_.resumed() ? "true" : "false";
    return lower_->extra_info(name);
}

tls_status tls_stream::advance_handshake() {
    output_buffer output;
    const tls_status status = engine_.handshake(output.bytes);
    send_down(output);
    return status;
}

coro<void> tls_stream::handshake(std::string already) {
    const stream_ref hold = self();
    engine_.input().append(already);
    for (;;) {
        const tls_status status = advance_handshake();
        if (status == tls_status::done) break;
        if (status == tls_status::failed) give_up();
        const std::size_t count = co_await lower_->receive(engine_.input().text(), piece);
        if (count != 0 && status == tls_status::want_bytes) continue;
        throw std::system_error(ECONNRESET, std::generic_category(),
                                title() + ": the peer closed the connection during the handshake");
    }
    take_watcher();
}

void tls_stream::take_watcher() noexcept {
    stream_watcher* const whose = std::exchange(lower_watcher_, nullptr);
    if (whose == nullptr || closed_) return;
    watcher = whose;
    slot = lower_->slot;
    whose->stream_wrapped(*lower_, *this);
}

namespace {

void check_side(const tls_context& context, tls_side side) {
    const bool server = side == tls_side::server;
    if (context.server_side() == server) return;
    throw std::invalid_argument(server ? "TLS: a server needs a context made by tls_context::server()"
                                       : "TLS: a client needs a context made by tls_context::client()");
}

std::exception_ptr too_slow(const tls_stream& stream, duration limit) {
    std::string seconds = std::to_string(std::chrono::duration<double>(limit).count());
    seconds.erase(seconds.find_last_not_of('0') + 1);
    if (seconds.back() == '.') seconds.pop_back();
    return std::make_exception_ptr(
        std::system_error(make_error_code(tls_errc::handshake_timeout),
                          stream.title() + ": the handshake was not finished within " + seconds + " s"));
}

}  // namespace

coro<stream_ref> start_tls_over(stream_ref lower, tls_context context, tls_side side, std::string host,
                                std::string already, duration handshake_limit, duration shutdown_limit) {
    tls_stream* made = nullptr;
    stream_ref stream;
    std::exception_ptr error;
    bool late = false;
    try {
        check_side(context, side);
        if (lower->eof_asked()) {
            lower->close();
            throw invalid_state_error("TLS: write_eof() was called before");
        }
        if (lower->closing()) {
            if (lower->error()) std::rethrow_exception(lower->error());
            throw std::system_error(ECONNRESET, std::generic_category(), "TLS: the connection is closed");
        }
        made = new tls_stream(lower, std::move(context), std::move(host), shutdown_limit);
        stream = stream_ref(made);
        auto work = wait_for(made->handshake(std::move(already)), handshake_limit);
        co_await std::move(work);
        co_return stream;
    } catch (const timeout_error&) { late = true; } catch (...) {
        error = std::current_exception();
    }
    if (late) error = too_slow(*made, handshake_limit);
    // A stream that has failed by itself is closing: the peer is told why. So is one that was closed before: it sends the rest.
    const bool closes = stream ? stream->closing() : lower->closing();
    if (!closes) lower->abort();
    std::rethrow_exception(error);
}

}  // namespace bide::detail
