// bide/examples: the command line. For one name or three, the greetings come after one second.
#include <exception>
#include <iostream>

#include "greet.hpp"

bide::coro<void> async_main(std::vector<std::string> names) {
    const auto greetings = co_await greet_all(std::move(names));
    for (const std::string& each : greetings) std::cout << each << '\n';
}

int main(int argc, char** argv) {
    try {
        std::vector<std::string> names(argv + 1, argv + argc);
        if (names.empty()) names = {"world"};
        bide::run(async_main(std::move(names)));
    } catch (const std::exception& error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
