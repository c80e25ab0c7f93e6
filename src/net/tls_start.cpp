// bide/net: encrypt a connection that is open already.
#include <bide/error.hpp>
#include <bide/start_tls.hpp>

#include <stdexcept>
#include <utility>

#include "net/stream_core.hpp"
#include "net/tls_stream.hpp"

namespace bide {

coro<connection> start_tls(connection plain, tls_context context, start_tls_options options) {
    const std::size_t limit = options.limit();
    const bool server = context.server_side();
    if (!server && !options.server_hostname()) {
        throw std::invalid_argument(
            "start_tls: a client must say the server_hostname() that the certificate is for; "
            "an empty one turns the check off");
    }
    std::string host = server ? std::string() : *options.server_hostname();
    std::string already = plain.reader.take_buffered();
    // Ciphertext must not reach those who still hold the old reader.
    plain.reader.set_exception(std::make_exception_ptr(
        invalid_state_error("this connection was encrypted: use the reader that start_tls() gave")));
    auto work =
        detail::start_tls_over(plain.writer.release(), std::move(context),
                               server ? detail::tls_side::server : detail::tls_side::client, std::move(host),
                               std::move(already), options.handshake_limit(), options.shutdown_limit());
    const detail::stream_ref stream = co_await std::move(work);
    co_return connection(stream_reader(stream, limit), stream_writer(stream));
}

coro<connection> start_tls(stream_reader reader, stream_writer writer, tls_context context,
                           start_tls_options options) {
    return start_tls(connection(std::move(reader), std::move(writer)), std::move(context),
                     std::move(options));
}

}  // namespace bide
