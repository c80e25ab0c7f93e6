// Somebody else has the port.
// exit: abort
// says:   at: <path>port_in_use.cpp:13
// says:   exception: bind 127.0.0.1:<n>: Address already in use
// says:   hint: another program has that address, perhaps an earlier run of this one: end it, or take another port (0: any free one)
#include <bide/bide.hpp>

bide::coro<void> handle(bide::stream_reader, bide::stream_writer) { co_return; }

// [program]
bide::coro<void> async_main() {
    auto first = co_await bide::start_server(handle, "127.0.0.1", 0);
    auto second = co_await bide::start_server(handle, "127.0.0.1", first.port());
    co_await second.serve_forever();
}

int main() { bide::run(async_main()); }
// [/program]
