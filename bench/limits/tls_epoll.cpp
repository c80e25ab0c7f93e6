// bide/bench: the limit for a TLS echo server on epoll: a hand-written loop with nothing but OpenSSL.
// `tls_epoll PORT CERTIFICATE KEY`.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace {

char buffer[16 * 1024];

// Echoes what has arrived. With read-ahead one recv takes whole records, so that a request costs one recv and one send.
// False: the connection has ended.
bool serve(SSL* ssl) {
    if (!SSL_is_init_finished(ssl)) {
        const int done = SSL_accept(ssl);
        if (done != 1) return SSL_get_error(ssl, done) == SSL_ERROR_WANT_READ;
    }
    do {
        std::size_t got = 0;
        if (SSL_read_ex(ssl, buffer, sizeof buffer, &got) != 1)
            return SSL_get_error(ssl, 0) == SSL_ERROR_WANT_READ;
        std::size_t sent = 0;
        while (SSL_write_ex(ssl, buffer, got, &sent) != 1) {  // the load generator always reads
            if (SSL_get_error(ssl, 0) != SSL_ERROR_WANT_WRITE) return false;
        }
    } while (SSL_has_pending(ssl) != 0);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fprintf(stderr, "usage: %s PORT CERTIFICATE KEY\n", argv[0]);
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    if (SSL_CTX_use_certificate_chain_file(context, argv[2]) != 1) return 1;
    if (SSL_CTX_use_PrivateKey_file(context, argv[3], SSL_FILETYPE_PEM) != 1) return 1;
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    const int one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(static_cast<uint16_t>(std::atoi(argv[1])));
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) return 1;
    listen(listener, 4096);
    socklen_t size = sizeof where;
    getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
    const int poller = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = nullptr;
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    std::printf("ready on %u\n", ntohs(where.sin_port));
    std::fflush(stdout);
    for (;;) {
        epoll_event events[512];
        const int count = epoll_wait(poller, events, 512, -1);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == nullptr) {
                const int client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
                if (client < 0) continue;
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                SSL* const made = SSL_new(context);
                SSL_set_fd(made, client);
                event.data.ptr = made;
                epoll_ctl(poller, EPOLL_CTL_ADD, client, &event);
                continue;
            }
            auto* const ssl = static_cast<SSL*>(events[i].data.ptr);
            if (serve(ssl)) continue;
            close(SSL_get_fd(ssl));
            SSL_free(ssl);
        }
    }
}
