// Frames are aligned to 16 bytes.
// expect-error: bide: results are aligned to 16 bytes at most; return a pointer
#include <bide/coro.hpp>

#include <memory>

struct alignas(64) line {
    char bytes[64];
};

#ifdef BIDE_COMPILE_OK
bide::coro<std::unique_ptr<line>> use() { co_return std::make_unique<line>(); }
#else
bide::coro<line> use() { co_return line(); }
#endif
