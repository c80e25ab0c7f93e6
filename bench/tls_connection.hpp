// bide/bench: a client's connection with TLS 1.3, for the load programs. It shakes hands while it sends.
#pragma once

#include "load.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace load {

class tls_connection {
public:
    int fd = -1;

    void open(std::uint16_t port, std::uint32_t n = 0) {
        fd = connect_to(port, n);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        tls_ = SSL_new(context());
        SSL_set_fd(tls_, fd);
        SSL_set_connect_state(tls_);
    }

    void close() {
        SSL_shutdown(tls_);
        SSL_free(tls_);
        ::close(fd);
    }

    std::size_t send(std::string_view bytes) const {
        std::size_t done = 0;
        for (std::size_t sent = 0; done < bytes.size(); done += sent) {
            const int result = SSL_write_ex(tls_, bytes.data() + done, bytes.size() - done, &sent);
            if (result != 1) return stopped(result, done);
        }
        return done;
    }

    std::size_t receive(std::size_t most) const {
        static char buffer[64 * 1024];
        std::size_t done = 0;
        for (std::size_t got = 0; done < most; done += got) {
            const int result = SSL_read_ex(tls_, buffer, std::min(most - done, sizeof buffer), &got);
            if (result != 1) return stopped(result, done);
        }
        return done;
    }

private:
    static SSL_CTX* context() {
        static SSL_CTX* const made = [] {
            SSL_CTX* const c = SSL_CTX_new(TLS_client_method());
            SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
            SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
            SSL_CTX_set_read_ahead(c, 1);
            SSL_CTX_set_verify(c, SSL_VERIFY_NONE, nullptr);  // any certificate: this is about speed
            return c;
        }();
        return made;
    }

    // Nothing more can be done now; or ever.
    [[nodiscard]] std::size_t stopped(int result, std::size_t done) const {
        const int reason = SSL_get_error(tls_, result);
        if (reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE) return done;
        if (reason == SSL_ERROR_ZERO_RETURN) fail("the server closed a connection", 0);
        ERR_print_errors_fp(stderr);
        fail("TLS", 0);
    }

    SSL* tls_ = nullptr;
};

}  // namespace load
