// The name does not exist.
// exit: abort
// says:   at: <path>no_such_host.cpp:9
// says:   exception: look up 'no-such-host.invalid': <any>
// says:   hint: look at the spelling; without a network or a name server, no name is found
#include <bide/bide.hpp>

// [program]
bide::coro<void> async_main() { co_await bide::open_connection("no-such-host.invalid", 80); }

int main() { bide::run(async_main()); }
// [/program]
