#include <bide/bide.hpp>

bide::coro<void> async_main() { co_return; }

int main() { bide::run(async_main()); }
