// bide/examples: a thousand waits as long as one.
#include <bide/bide.hpp>

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// A line that the next one overwrites; nothing where nobody looks.
void progress(const char* what, int done, int all) {
    static const bool watched = ::isatty(STDERR_FILENO) == 1;
    if (!watched) return;
    const std::string bar(static_cast<std::size_t>(40 * done / all), '#');
    std::fprintf(stderr, "\r%-14s [%-40s] %4d of %4d%s", what, bar.c_str(), done, all,
                 done == all ? "\n" : "");
}

bide::coro<int> download(int page) {
    co_await bide::sleep(100ms);  // a server far away
    co_return page;
}

bide::coro<void> one_after_another(int pages) {
    for (int i = 0; i < pages; ++i) {
        progress("one by one", i, pages);
        co_await download(i);
    }
    progress("one by one", pages, pages);
}

bide::coro<void> all_at_once(int pages) {
    std::vector<bide::coro<int>> downloads;
    for (int i = 0; i < pages; ++i) downloads.push_back(download(i));

    auto finished = bide::as_completed(std::move(downloads));
    for (int done = 1; co_await finished.next(); ++done) progress("all at once", done, pages);
}

bide::coro<double> seconds(bide::coro<void> what) {
    const auto start = bide::get_running_loop().time();
    co_await std::move(what);
    co_return std::chrono::duration<double>(bide::get_running_loop().time() - start).count();
}

bide::coro<void> async_main() {
    const double one_by_one = co_await seconds(one_after_another(10));
    std::printf("  10 pages, one after another: %.1f s\n", one_by_one);
    const double at_once = co_await seconds(all_at_once(1000));
    std::printf("1000 pages, all at once:       %.1f s\n", at_once);
}

int main() { bide::run(async_main()); }
