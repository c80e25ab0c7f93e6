// bide/examples: what the program does. Replace it with what you want to do.
#include "greet.hpp"

#include <chrono>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;

bide::coro<std::string> greet(std::string name) {
    if (name.empty()) throw std::invalid_argument("greet: the name is empty; give one");
    co_await bide::sleep(1s);
    co_return "Hello, " + name + "!";
}

bide::coro<std::vector<std::string>> greet_all(std::vector<std::string> names) {
    std::vector<bide::coro<std::string>> all;
    for (std::string& name : names) all.push_back(greet(std::move(name)));
    co_return co_await bide::gather(std::move(all));
}
