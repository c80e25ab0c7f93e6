// bide/examples: what the program does, declared for main() and the tests.
#pragma once

#include <bide/bide.hpp>

#include <string>
#include <vector>

// Thinks for a second, then greets.
bide::coro<std::string> greet(std::string name);

// Greets all of them at the same time.
bide::coro<std::vector<std::string>> greet_all(std::vector<std::string> names);
