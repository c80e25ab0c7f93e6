// bide/examples: a filter: what comes in on the standard input goes out in capitals. Try: ls | capitals
#include <bide/bide.hpp>

#include <cctype>

// [main]
bide::coro<void> async_main() {
    const bide::stream_reader in = bide::open_stdin();
    const bide::stream_writer out = bide::open_stdout();
    while (auto line = co_await in.next_line()) {
        for (char& each : *line) each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
        out.write(*line);
        co_await out.drain();
    }
    out.close();
    co_await out.wait_closed();
}
// [/main]

int main() { bide::run(async_main()); }
