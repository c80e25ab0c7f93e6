// Nobody listens there.
// exit: abort
// says: bide: Nobody has caught an exception that left run()
// says:   task: Task-1
// says:   at: <path>connect_refused.cpp:12
// says:   exception: connect 127.0.0.1:1: Connection refused
// says:   hint: nobody listens at that address: start the server first, or look at host and port
#include <bide/bide.hpp>

// [program]
bide::coro<void> fetch() {
    auto [reader, writer] = co_await bide::open_connection("127.0.0.1", 1);
    writer.write("hello\n");
    co_await writer.drain();
}

bide::coro<void> async_main() { co_await fetch(); }

int main() { bide::run(async_main()); }
// [/program]
