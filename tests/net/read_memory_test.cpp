// bide/net: a read for which there is no memory.
// bide-test: once
#include <bide/frame_allocator.hpp>

#include <cstdlib>
#include <new>

#include "support/async_test.hpp"
#include "support/tls_ends.hpp"

namespace {

using namespace std::chrono_literals;
using namespace bide_test;

bool exhausted = false;

const bool installed = [] {
    bide::set_frame_allocator({[](std::size_t size) -> void* {
                                   void* const at = exhausted ? nullptr : std::malloc(size);
                                   if (at == nullptr) throw std::bad_alloc();
                                   return at;
                               },
                               [](void* at, std::size_t) noexcept { std::free(at); }});
    return true;
}();

bide::coro<bool> read_fails(const bide::stream_reader& reader) {
    bool failed = false;
    auto reading = reader.read(100);
    exhausted = true;
    try {
        static_cast<void>(co_await std::move(reading));
    } catch (const std::bad_alloc&) { failed = true; }
    exhausted = false;
    co_return failed;
}

BIDE_TEST(read_memory, a_tls_read_without_it_can_be_repeated) {
    EXPECT_TRUE(installed);
    const connection_ends ends = co_await tls_ends();
    const bool failed = co_await read_fails(ends.client.reader);
    EXPECT_TRUE(failed);
    ends.server.writer.write("hello");
    const std::string text = co_await ends.client.reader.read(100);
    EXPECT_EQ(text, "hello");
}

BIDE_TEST(read_memory, after_a_tls_read_without_it_the_end_of_the_peer_is_heard) {
    const connection_ends ends = co_await tls_ends();
    const bool failed = co_await read_fails(ends.client.reader);
    EXPECT_TRUE(failed);
    const auto before = bide::get_running_loop().time();
    ends.client.writer.close();
    const std::string rest = co_await ends.server.reader.read();
    EXPECT_EQ(rest, "");
    co_await ends.client.writer.wait_closed();
    EXPECT_LT(bide::get_running_loop().time() - before, 1s);
}

}  // namespace
