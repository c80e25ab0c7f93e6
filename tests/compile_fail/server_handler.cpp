// A handler owns its reader and writer.
// expect-error: bide: the handler takes a bide::stream_reader and a bide::stream_writer by value
#include <bide/server.hpp>

#ifdef BIDE_COMPILE_OK
static bide::coro<void> handle(bide::stream_reader, bide::stream_writer) { co_return; }
#else
static bide::coro<void> handle(bide::stream_reader&, bide::stream_writer&) { co_return; }
#endif

bide::coro<void> use() {
    auto server = co_await bide::start_server(handle, "127.0.0.1", 0);
    server.close();
}
