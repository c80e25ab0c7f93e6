// bide/bench: what a subprocess costs: to start one that does nothing and wait for its end; a MiB through cat and back.
#include "../report.h"

#include <bide/run.hpp>
#include <bide/subprocess.hpp>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace {

bide::coro<void> spawn_wait(std::uint64_t n) {
    const std::uint64_t count = n;
    for (std::uint64_t i = 0; i < count; ++i) {
        auto child = co_await bide::create_subprocess_exec("/bin/true");
        const int status = co_await child.wait();
        if (status != 0) throw std::runtime_error("/bin/true failed");
    }
}

// All of it in one communicate().
bide::coro<void> cat(std::uint64_t n) {
    std::string input(n << 20, 'x');
    auto child =
        co_await bide::create_subprocess_exec("cat", bide::subprocess_options().stdin_pipe().stdout_pipe());
    auto [out, err] = co_await child.communicate(std::move(input));
    if (out.size() != n << 20) throw std::runtime_error("cat lost something");
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "spawn_wait|cat";
    if (argc != 3) return bench_usage(argv[0], modes);
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    const double start = bench_now();
    if (std::strcmp(argv[1], "spawn_wait") == 0) {
        bide::run(spawn_wait(n));
    } else if (std::strcmp(argv[1], "cat") == 0) {
        bide::run(cat(n));
    } else {
        return bench_usage(argv[0], modes);
    }
    bench_report(argv[1], n, bench_now() - start);
}
