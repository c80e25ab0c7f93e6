// bide/fuzz: bytes of a peer that means no good, before, during and after the TLS handshake.
#include "net/tls_engine.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../tests/support/tls_certificates.hpp"

namespace {

using bide::detail::tls_engine;
using bide::detail::tls_status;

void require(bool holds) {
    if (!holds) std::abort();
}

// The input as a row of decisions.
struct script {
    std::string_view bytes;
    std::uint8_t next() {
        if (bytes.empty()) return 0;
        const auto value = static_cast<std::uint8_t>(bytes.front());
        bytes.remove_prefix(1);
        return value;
    }
};

void use(tls_engine& engine, std::string& output) {
    char plain[100];
    std::size_t count = 0;
    tls_status status = engine.handshake(output);
    if (status == tls_status::done) {
        while ((status = engine.read(plain, sizeof plain, count, output)) == tls_status::done) {}
    }
    if (status != tls_status::failed) {
        require(!engine.failure());
        return;
    }
    require(static_cast<bool>(engine.failure()) && !engine.failure_text().empty());
    require(engine.handshake(output) == tls_status::failed);
    require(engine.read(plain, sizeof plain, count, output) == tls_status::failed);
    require(engine.write("x", output) == tls_status::failed);
}

// Everything that comes is the input, in pieces.
void alone(tls_engine& engine, script input) {
    std::string output;
    use(engine, output);
    while (!input.bytes.empty()) {
        const std::size_t piece = std::min<std::size_t>(input.next() + 1U, input.bytes.size());
        engine.input().text().append(input.bytes.substr(0, piece));
        input.bytes.remove_prefix(piece);
        use(engine, output);
    }
    engine.shut_down(output);
}

// Two engines talk, and the input says in which pieces and what is changed on the way.
void between(tls_engine& client, tls_engine& server, script input) {
    std::string to_server;
    std::string to_client;
    bool damaged = false;
    const auto carry = [&](std::string& from, tls_engine& to) {
        const std::size_t piece = std::min<std::size_t>(input.next() * 8U + 1U, from.size());
        const std::uint8_t damage = input.next();
        if (piece != 0 && damage > 200) {
            from[input.next() % piece] ^= static_cast<char>(damage);
            damaged = true;
        }
        to.input().text().append(from, 0, piece);
        from.erase(0, piece);
    };
    for (int turn = 0; turn < 2000; ++turn) {
        use(client, to_server);
        use(server, to_client);
        if (turn == 1000 || (to_server.empty() && to_client.empty())) {
            if (client.handshake(to_server) != tls_status::done || turn > 1000) break;
            client.write("farewell", to_server);
            client.shut_down(to_server);
            turn = 1001;
        }
        carry(to_server, server);
        carry(to_client, client);
    }
    if (!damaged) require(!client.failure() && !server.failure());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bide::tls_context server_context = bide_test::certificates::get().server();
    static const bide::tls_context client_context =
        bide_test::certificates::get().client().resume_sessions(false);
    script input{{reinterpret_cast<const char*>(data), size}};
    const std::uint8_t kind = input.next() % 3;
    tls_engine server(server_context.state(), {});
    tls_engine client(client_context.state(), "localhost");
    if (kind == 0) alone(server, input);
    if (kind == 1) alone(client, input);
    if (kind == 2) between(client, server, input);
    return 0;
}
