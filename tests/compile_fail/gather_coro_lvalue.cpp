// bide/core: a coro runs once, so gather() takes only those that are given away.
// expect-error: a coro runs once; give it away with std::move
// expect-error: a coro runs once; give the range away with std::move
#include <bide/gather.hpp>

#include <utility>
#include <vector>

bide::coro<int> work() { co_return 1; }

bide::coro<void> gather_work() {
    std::vector<bide::coro<int>> many;
    many.push_back(work());
    auto one = work();
#ifdef BIDE_COMPILE_OK
    co_await bide::gather(std::move(one));
    co_await bide::gather(std::move(many));
#else
    co_await bide::gather(one);
    co_await bide::gather(many);
#endif
}
