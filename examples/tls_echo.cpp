// bide/examples: an encrypted server and client in one program, with a certificate that lives as long as it does.
#include <bide/bide.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace {

// What `openssl` makes in a folder of its own.
class certificate {
public:
    certificate() {
        std::string pattern = (std::filesystem::temp_directory_path() / "tls-echo-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no folder for the certificate");
        folder_ = pattern;
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
            "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
            key() + " -out " + file() + " 2>/dev/null";
        if (std::system(command.c_str()) != 0)
            throw std::runtime_error("this example needs the openssl command");
    }
    ~certificate() { std::filesystem::remove_all(folder_); }
    certificate(const certificate&) = delete;
    certificate& operator=(const certificate&) = delete;
    [[nodiscard]] std::string file() const { return folder_ / "cert.pem"; }
    [[nodiscard]] std::string key() const { return folder_ / "key.pem"; }

private:
    std::filesystem::path folder_;
};

bide::coro<void> echo(bide::stream_reader reader, bide::stream_writer writer) {
    while (auto line = co_await reader.next_line()) {
        writer.write(*line);
        co_await writer.drain();
    }
}

bide::coro<void> async_main() {
    const certificate own;
    // [server]
    const auto identity = bide::tls_context::server(own.file(), own.key());
    auto server = co_await bide::start_server(echo, "127.0.0.1", 0, bide::server_options().tls(identity));
    // [/server]
    // [client]
    const auto trusted = bide::tls_context::client(own.file());  // client() trusts what the system trusts
    const auto options = bide::connection_options().tls(trusted).server_hostname("localhost");
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", server.port(), options);
    writer.write("hello\n");
    const std::string answer = co_await reader.readline();
    // [/client]
    std::printf("%s: %s", writer.get_extra_info("tls_version").c_str(), answer.c_str());
    writer.close();
    co_await writer.wait_closed();

    const auto stranger = bide::connection_options().tls(bide::tls_context::client());
    const auto refused =
        co_await bide::as_result(bide::open_connection("127.0.0.1", server.port(), stranger));
    std::printf("without trust: %s\n", refused.error().message().c_str());
    server.close();
    co_await server.wait_closed();
}

}  // namespace

int main() { bide::run(async_main()); }
