// bide/examples: the SHA-256 of every file below a folder, several at a time, with a progress bar.
// `checksum [FOLDER]` prints what `cd FOLDER; sha256sum FILES` would; without a folder it makes a small one first.
#include <bide/bide.hpp>

#include <algorithm>
#include <iostream>
#include <openssl/evp.h>
#include <unistd.h>

// What sha256sum prints: a name that would break the line is escaped, and a backslash before the sum tells so.
std::string line_of(const unsigned char (&sum)[32], const std::string& name) {
    std::string digits, shown;
    for (const unsigned char byte : sum)
        (digits += "0123456789abcdef"[byte / 16]) += "0123456789abcdef"[byte % 16];
    for (const char letter : name) {
        const auto special = std::string_view("\\\n\r").find(letter);
        if (special != std::string_view::npos) shown += '\\';
        shown += special == std::string_view::npos ? letter : "\\nr"[special];
    }
    return (shown == name ? "" : "\\") + digits + "  " + shown + "\n";
}

bide::coro<std::string> sha256(std::string folder, std::string name) {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> hash(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    EVP_DigestInit_ex(hash.get(), EVP_sha256(), nullptr);
    bide::file file = co_await bide::open(folder + "/" + name);
    std::vector<std::byte> room(256 * 1024);
    while (std::size_t size = co_await file.read_into(room)) {
        auto add = [&] { EVP_DigestUpdate(hash.get(), room.data(), size); };
        if (size < 16 * 1024) add();  // takes less time than a thread to wake up
        if (size >= 16 * 1024) co_await bide::to_thread(add);
    }
    unsigned char sum[32];
    EVP_DigestFinal_ex(hash.get(), sum, nullptr);
    co_return line_of(sum, name);
}

// Regular files only, as `find -type f` gives them; their names begin below `top`.
bide::coro<void> find_files(std::string top, std::string below, std::vector<std::string>& names) {
    auto entries = bide::fs::scandir(top + "/" + below);
    while (auto entry = co_await entries.next()) {
        if (entry->is_file()) names.push_back(below + entry->name());
        if (entry->is_dir()) co_await find_files(top, below + entry->name() + "/", names);
    }
}

bide::coro<int> async_main(std::string top) {
    std::optional<bide::temporary_directory> made;
    if (top.empty()) {
        made.emplace(co_await bide::make_temporary_directory());
        top = made->path();
        co_await bide::write_file(top + "/a.txt", "hello\n");
        co_await bide::fs::mkdir(top + "/b");
        co_await bide::write_file(top + "/b/zeros", std::string(1'000'000, '\0'));
    }
    std::vector<std::string> names;
    co_await find_files(top, "", names);
    std::sort(names.begin(), names.end());
    std::vector<std::string> lines(names.size());
    bide::semaphore places(8);  // so many files are open at a time
    std::size_t done = 0, failures = 0;
    auto sum_one = [&](std::size_t n) -> bide::coro<void> {
        auto place = co_await places.scoped();
        auto line = co_await bide::as_result(sha256(top, names[n]));
        if (line) lines[n] = *line;
        if (!line && ++failures) std::cerr << bide::describe_exception(line.exception()) << '\n';
        const std::string bar(++done * 40 / names.size(), '#');
        if (isatty(STDERR_FILENO))
            std::cerr << "\r[" << bar << std::string(40 - bar.size(), ' ') << "] " << done;
    };
    co_await bide::with_task_group([&](bide::task_group& group) -> bide::coro<void> {
        for (std::size_t n = 0; n < names.size(); ++n) group.create_task(sum_one, n);
        co_return;
    });
    if (isatty(STDERR_FILENO)) std::cerr << '\n';
    for (const std::string& line : lines) std::cout << line;
    co_return failures == 0 ? 0 : 1;
}

int main(int argc, char** argv) { return bide::run(async_main(argc > 1 ? argv[1] : "")); }
