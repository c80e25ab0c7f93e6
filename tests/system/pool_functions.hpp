// bide/tests: functions that worker processes run, and what tests of pools share.
#pragma once

#include <bide/process_pool.hpp>

#include <cereal/types/memory.hpp>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include "support/async_test.hpp"

namespace pool_tests {

inline int square(int x) { return x * x; }
inline int own_pid() { return ::getpid(); }
inline std::string twice(const std::string& text) { return text + text; }
inline void fail_with(const std::string& text) { throw std::runtime_error(text); }

[[noreturn]] inline void die(int signal) {
    ::raise(signal);
    std::abort();
}
inline void exit_with(int code) { ::_exit(code); }

/// Says that it runs, by making a file, and then does not end by itself.
inline void block(const std::string& sign) {
    std::ofstream(sign).put('x');
    for (;;) ::pause();
}
/// ... until a second file is there.
inline int wait_for_file(const std::string& sign, const std::string& end) {
    std::ofstream(sign).put('x');
    while (!std::filesystem::exists(end)) ::usleep(1000);
    return ::getpid();
}
inline void append_line(const std::string& file, int number) {
    std::ofstream(file, std::ios::app) << number << '\n';
}

inline bide::coro<void> made(std::string file) {
    const std::string path = std::move(file);
    while (!std::filesystem::exists(path)) co_await bide::sleep(std::chrono::seconds(0));
}

inline bide::testing::test_options real_time() { return bide::testing::test_options().real_time(); }

}  // namespace pool_tests
