// bide/examples: gets a page with a request written by hand: `fetch https://host[:port]/path`; without one, from itself.
#include <bide/bide.hpp>

#include <chrono>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

struct url {
    explicit url(std::string text) : secure(text.starts_with("https://")), port(secure ? 443 : 80) {
        if (const auto scheme = text.find("://"); scheme != std::string::npos) text.erase(0, scheme + 3);
        if (const auto slash = text.find('/'); slash != std::string::npos) {
            path = text.substr(slash);
            text.erase(slash);
        }
        const auto colon = text.rfind(':');
        host = text.substr(0, colon);
        if (colon != std::string::npos) port = std::stoi(text.substr(colon + 1));
    }
    bool secure;
    int port;
    std::string host;
    std::string path = "/";
};

// A body of unknown length: pieces, each with its size in hexadecimal on a line before it; the last one is empty.
bide::coro<std::string> read_chunks(bide::stream_reader& reader) {
    std::string body;
    for (;;) {
        const std::string size = co_await reader.readline();
        const std::string chunk = co_await reader.readexactly(std::stoul(size, nullptr, 16) + 2);
        if (chunk == "\r\n") co_return body;
        body.append(chunk, 0, chunk.size() - 2);
    }
}

bide::coro<std::string> fetch(url from) {
    auto options = bide::connection_options().timeout(10s);
    if (from.secure) options.tls(bide::tls_context::client());
    auto [reader, writer] = co_await bide::open_connection(from.host, from.port, options);

    const std::string host = from.host + ":" + std::to_string(from.port);
    writer.write("GET " + from.path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    co_await writer.drain();

    const std::string head = co_await reader.readuntil("\r\n\r\n");
    std::cerr << head.substr(0, head.find('\r')) << '\n';
    if (head.find("hunked\r\n") != std::string::npos) co_return co_await read_chunks(reader);
    co_return co_await reader.read();
}

bide::coro<void> serve_page(bide::stream_reader reader, bide::stream_writer writer) {
    const std::string request = co_await reader.readuntil("\r\n\r\n");
    writer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    writer.write("7\r\nHello, \r\n7\r\nworld!\n\r\n0\r\n\r\n");
}

bide::coro<void> async_main(std::string address) {
    auto server = co_await bide::start_server(serve_page, "127.0.0.1", 0);
    if (address.empty()) address = "http://127.0.0.1:" + std::to_string(server.port());
    std::cout << co_await fetch(url(address));
}

int main(int argc, char** argv) {
    try {
        bide::run(async_main(argc > 1 ? argv[1] : ""));
    } catch (const std::exception& error) {
        std::cerr << "fetch: " << error.what() << '\n';
        return 1;
    }
}
