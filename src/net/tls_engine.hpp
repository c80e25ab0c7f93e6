// bide/net: TLS as bytes in and bytes out: no sockets, no awaits.
#pragma once

#include <bide/tls.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "net/tls_bio.hpp"

struct ssl_st;

namespace bide::detail {

enum class tls_status : std::uint8_t {
    done,        // what was asked for
    want_bytes,  // append more of what the peer sent to input()
    ended,       // the peer said that it sends no more
    failed,      // see failure(); it stays so
};

enum class tls_side : std::uint8_t { client, server };

struct free_tls {
    void operator()(ssl_st* what) const noexcept;
};

// One end of a TLS connection. Every call appends what the peer is to get to `output`, also calls that fail (the alert)
// and calls that read (the answer to a change of keys); so nothing ever waits to write. Idle, it holds no buffers.
class tls_engine {
public:
    // The context outlives it. `host` is for the server name, the check of the certificate and the resumption of sessions. Empty: none of them.
    // Throws std::system_error.
    tls_engine(tls_context_state& context, std::string host);
    ~tls_engine();
    tls_engine(const tls_engine&) = delete;
    tls_engine& operator=(const tls_engine&) = delete;

    // What the peer sends is appended here, in pieces of any size. Empty whenever a call wants bytes.
    [[nodiscard]] receive_buffer& input() noexcept { return pipe_.input; }

    tls_status handshake(std::string& output);
    // Done: `count` bytes of plain text, 1 to `room`, all that is there.
    tls_status read(char* into, std::size_t room, std::size_t& count, std::string& output);
    // After the handshake.
    tls_status write(std::string_view plain, std::string& output);
    // Fails, though OpenSSL sees no fault.
    void refuse(std::string why);
    // Says that nothing more will be sent, where that can be said.
    void shut_down(std::string& output) noexcept;

    [[nodiscard]] const std::string& host() const noexcept { return host_; }
    [[nodiscard]] std::error_code failure() const noexcept { return failure_; }
    [[nodiscard]] const std::string& failure_text() const noexcept { return failure_text_; }

    [[nodiscard]] std::string version() const;
    [[nodiscard]] std::string cipher() const;
    [[nodiscard]] std::string alpn() const;
    [[nodiscard]] std::string peer_certificate() const;  // its subject; empty: none
    [[nodiscard]] std::string server_name() const;       // that the client asked for; empty: none
    [[nodiscard]] bool resumed() const;

    // For the callbacks of OpenSSL.
    [[nodiscard]] static tls_engine& of(const ssl_st* connection) noexcept;
    void note_problem(std::string text) { problem_ = std::move(text); }
    [[nodiscard]] tls_context_state& context() const noexcept { return context_; }
    [[nodiscard]] unsigned rules() const noexcept { return rules_; }

private:
    class call;
    void set_host();
    tls_status judge(int result);
    void fail();
    [[nodiscard]] bool has_nothing_to_read() const noexcept;

    tls_context_state& context_;
    const unsigned rules_;  // of the context, when this began
    tls_pipe pipe_;
    std::unique_ptr<ssl_st, free_tls> ssl_;
    std::string host_;
    std::string problem_;  // of the peer's certificate
    std::error_code failure_;
    std::string failure_text_;
};

}  // namespace bide::detail
