// bide/bench: what reading files costs. `bench_files cached|direct|small|lines|whole|stat N [PATH]`.
#include "../report.h"

#include <bide/bide.hpp>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

constexpr std::uint64_t block = 4096;

bide::coro<bide::file> test_file(std::uint64_t blocks) {
    bide::file file = co_await bide::temporary_file();
    const std::string piece(1024 * 1024, 'x');
    for (std::uint64_t i = 0; i < blocks * block / piece.size(); ++i) co_await file.write(piece);
    co_await file.flush();
    co_return file;
}

// 4 KiB at random from 64 MiB in the page cache, one after the other; compare with limits/pread.
bide::coro<double> cached(std::uint64_t n) {
    constexpr std::uint64_t blocks = 16384;
    bide::file file = co_await test_file(blocks);
    const bide::aligned_buffer room(block);
    std::uint64_t random = 88172645463325252U;
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::size_t size = co_await file.read_at(bench_random(&random) % blocks * block, room.bytes());
        if (size != block) std::abort();
    }
    co_return bench_now() - start;
}

bide::coro<void> read_in_turn(bide::file& file, std::uint64_t blocks, std::uint64_t n, std::uint64_t random) {
    const bide::aligned_buffer room(block);
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::size_t size = co_await file.read_at(bench_random(&random) % blocks * block, room.bytes());
        if (size != block) std::abort();
    }
}

// 256 MiB that are no holes; stays, as fio's does.
bide::coro<void> make_direct_file(std::string path) {
    const std::string piece(1024 * 1024, 'x');
    const bool exists = co_await bide::fs::exists(path);
    if (exists) co_return;
    bide::file file = co_await bide::open(path, "w");
    for (int i = 0; i < 256; ++i) co_await file.write(piece);
    co_await file.fsync();
}

// 32 readers of 4 KiB past the page cache; compare with peers/fio.py.
bide::coro<double> direct(std::uint64_t n, std::string path) {
    constexpr std::uint64_t readers = 32;
    co_await make_direct_file(path);
    bide::file file = co_await bide::open(path, "r", bide::open_options().direct());
    const bide::file_status status = co_await file.stat();
    const std::uint64_t blocks = status.size() / block;
    const double start = bench_now();
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        for (std::uint64_t i = 0; i < readers; ++i) {
            group.create_task(read_in_turn(file, blocks, n / readers, 88172645463325252U + i * 7919));
        }
        co_return;
    });
    co_return bench_now() - start;
}

// Lines of 64 bytes.
bide::coro<double> lines(std::uint64_t n) {
    bide::file file = co_await bide::temporary_file();
    const std::string line = std::string(63, 'x') + "\n";
    for (std::uint64_t i = 0; i < n; ++i) co_await file.write(line);
    co_await file.seek(0);
    std::uint64_t count = 0;
    const double start = bench_now();
    while (auto each = co_await file.next_line()) ++count;
    if (count != n) std::abort();
    co_return bench_now() - start;
}

// Open, read and close a small file.
bide::coro<double> whole(std::uint64_t n) {
    auto folder = co_await bide::make_temporary_directory();
    const std::string path = folder / "small";
    co_await bide::write_file(path, std::string(1000, 'x'));
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        const std::string text = co_await bide::read_file(path);
        if (text.size() != 1000) std::abort();
    }
    const double seconds = bench_now() - start;
    co_await folder.remove();
    co_return seconds;
}

// Sixteen tasks read a thousand small files, over and over.
bide::coro<double> small(std::uint64_t n) {
    constexpr std::uint64_t readers = 16;
    auto folder = co_await bide::make_temporary_directory();
    std::vector<std::string> paths;
    for (int i = 0; i < 1000; ++i) {
        paths.push_back(folder / std::to_string(i));
        co_await bide::write_file(paths.back(), std::string(1000, 'x'));
    }
    const auto read_some = [&](std::uint64_t first) -> bide::coro<void> {
        const std::uint64_t count = n;
        for (std::uint64_t i = first; i < count; i += readers) {
            const std::string text = co_await bide::read_file(paths[i % paths.size()]);
            if (text.size() != 1000) std::abort();
        }
    };
    const double start = bench_now();
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        for (std::uint64_t i = 0; i < readers; ++i) group.create_task(read_some, i);
        co_return;
    });
    const double seconds = bench_now() - start;
    co_await folder.remove();
    co_return seconds;
}

bide::coro<double> stat(std::uint64_t n) {
    const double start = bench_now();
    for (std::uint64_t i = 0; i < n; ++i) {
        const bide::file_status status = co_await bide::fs::stat("/");
        if (!status.is_dir()) std::abort();
    }
    co_return bench_now() - start;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "cached|direct|small|lines|whole|stat";
    if (argc < 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const std::uint64_t n = std::strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "cached")
        seconds = bide::run(cached(n));
    else if (mode == "direct" && argc > 3)
        seconds = bide::run(direct(n, argv[3]));
    else if (mode == "small")
        seconds = bide::run(small(n));
    else if (mode == "lines")
        seconds = bide::run(lines(n));
    else if (mode == "whole")
        seconds = bide::run(whole(n));
    else if (mode == "stat")
        seconds = bide::run(stat(n));
    else
        return bench_usage(argv[0], modes);
    bench_report(mode.c_str(), n, seconds);
}
