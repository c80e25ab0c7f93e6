// bide/bench: the limits for reads of files: a pread loop, and open, read and close one after the other.
#include "../report.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

// 4 KiB at random from 64 MiB in the page cache.
double cached(uint64_t n) {
    constexpr uint64_t blocks = 16384;
    char path[] = "/tmp/bide-bench-XXXXXX";
    const int fd = mkstemp(path);
    unlink(path);
    const std::vector<char> block(1024 * 1024, 'x');
    for (int i = 0; i < 64; ++i) {
        if (write(fd, block.data(), block.size()) < 0) abort();
    }
    char room[4096];
    uint64_t random = 88172645463325252U;
    const double start = bench_now();
    for (uint64_t i = 0; i < n; ++i) {
        if (pread(fd, room, sizeof room, static_cast<off_t>(bench_random(&random) % blocks * 4096)) !=
            sizeof room)
            abort();
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
    const std::string mode = argc == 3 ? argv[1] : "";
    if (mode != "cached" && mode != "small") return bench_usage(argv[0], "cached|small");
    const uint64_t n = strtoull(argv[2], nullptr, 10);
    bench_report(argv[1], n, mode == "cached" ? cached(n) : small(n));
}
