// bide/bench: the limits for reads of files: a pread loop, the same with a call that reads only what is in the page cache
// and never waits for the device, and open, read and close one after the other.
#include "../report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

constexpr size_t block_size = 4096;
alignas(block_size) char room[block_size];

ssize_t read_at(int fd, off_t offset) { return pread(fd, room, block_size, offset); }
ssize_t read_cached_at(int fd, off_t offset) {
    const iovec piece{room, block_size};
    return preadv2(fd, &piece, 1, offset, RWF_NOWAIT);
}

// 4 KiB at random from 64 MiB in the page cache.
template <class Read>
double cached(uint64_t n, Read read_block) {
    constexpr uint64_t blocks = 16384;
    char path[] = "/tmp/bide-bench-XXXXXX";
    const int fd = mkstemp(path);
    unlink(path);
    const std::vector<char> block(1024 * 1024, 'x');
    for (int i = 0; i < 64; ++i) {
        if (write(fd, block.data(), block.size()) < 0) abort();
    }
    uint64_t random = 88172645463325252U;
    const double start = bench_now();
    for (uint64_t i = 0; i < n; ++i) {
        const auto offset = static_cast<off_t>(bench_random(&random) % blocks * block_size);
        if (read_block(fd, offset) != static_cast<ssize_t>(block_size)) abort();
    }
    return bench_now() - start;
}

// A thousand files of 1000 bytes, over and over.
double small(uint64_t n) {
    char folder[] = "/tmp/bide-bench-XXXXXX";
    if (mkdtemp(folder) == nullptr) abort();
    std::vector<std::string> paths;
    for (int i = 0; i < 1000; ++i) {
        paths.push_back(std::string(folder) + "/" + std::to_string(i));
        const int fd = open(paths.back().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        if (write(fd, std::string(1000, 'x').data(), 1000) != 1000) abort();
        close(fd);
    }
    const double start = bench_now();
    for (uint64_t i = 0; i < n; ++i) {
        const int fd = open(paths[i % paths.size()].c_str(), O_RDONLY | O_CLOEXEC);
        struct stat status;
        if (fstat(fd, &status) != 0) abort();
        std::string text(static_cast<size_t>(status.st_size), '\0');
        if (read(fd, text.data(), text.size()) != 1000) abort();
        close(fd);
    }
    const double seconds = bench_now() - start;
    for (const std::string& path : paths) unlink(path.c_str());
    rmdir(folder);
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    const char* modes = "cached|cached_only|small";
    if (argc != 3) return bench_usage(argv[0], modes);
    const std::string mode = argv[1];
    const uint64_t n = strtoull(argv[2], nullptr, 10);
    double seconds = 0;
    if (mode == "cached")
        seconds = cached(n, read_at);
    else if (mode == "cached_only")
        seconds = cached(n, read_cached_at);
    else if (mode == "small")
        seconds = small(n);
    else
        return bench_usage(argv[0], modes);
    bench_report(argv[1], n, seconds);
}
