// bide/system: what can be done to files by name.
#include <bide/fs.hpp>

#include <cerrno>
#include <utility>

#include "os/path_calls.hpp"
#include "os/remove_tree.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide::fs {

namespace {

using detail::check_path;
using detail::file_record;
using detail::on_worker;
namespace sys = detail::sys;

coro<file_record> describe(const char* call, std::string path, bool follow) {
    file_record record;
    check_path(call, path);
    co_await on_worker(call, path, [&]() noexcept { return sys::describe(path.c_str(), follow, record); });
    co_return record;
}

// `unknown` where there is none, or where it cannot be found out.
coro<file_kind> kind_of(const char* call, std::string path, bool follow) {
    file_record record;
    check_path(call, path);
    const int result =
        co_await on_worker([&]() noexcept { return sys::describe(path.c_str(), follow, record); });
    co_return result < 0 ? file_kind::unknown : record.kind;
}

coro<void> on_two(const char* call, std::string a, std::string b,
                  int (*what)(const char*, const char*) noexcept) {
    check_path(call, a);
    check_path(call, b);
    const int result = co_await on_worker([&]() noexcept { return what(a.c_str(), b.c_str()); });
    if (result < 0) {
        throw std::system_error(-result, std::generic_category(),
                                std::string(call) + " '" + a + "' to '" + b + "'");
    }
}

int make_folders(const std::string& path, std::uint32_t permissions, std::string& at) {
    int result = path.empty() ? -ENOENT : 0;
    for (std::size_t end = 0; end != std::string::npos;) {
        end = path.find('/', end + 1);
        at = path.substr(0, end);
        if (at.empty() || at == "/") continue;
        result = sys::make_folder(at.c_str(), end == std::string::npos ? permissions : 0777U);
        if (result == -EEXIST) {
            file_record record;
            result = sys::describe(at.c_str(), true, record);
            if (result == 0 && record.kind != file_kind::directory) result = -ENOTDIR;
            if (result < 0 && end == std::string::npos) return -EEXIST;
        }
        if (result < 0) return result;
    }
    return result;
}

}  // namespace

coro<file_status> stat(std::string path) {
    const file_record record = co_await describe("stat", std::move(path), true);
    co_return file_status(record);
}
coro<file_status> lstat(std::string path) {
    const file_record record = co_await describe("lstat", std::move(path), false);
    co_return file_status(record);
}

coro<bool> exists(std::string path) {
    const file_kind kind = co_await kind_of("exists", std::move(path), true);
    co_return kind != file_kind::unknown;
}
coro<bool> isfile(std::string path) {
    const file_kind kind = co_await kind_of("isfile", std::move(path), true);
    co_return kind == file_kind::regular;
}
coro<bool> isdir(std::string path) {
    const file_kind kind = co_await kind_of("isdir", std::move(path), true);
    co_return kind == file_kind::directory;
}
coro<bool> islink(std::string path) {
    const file_kind kind = co_await kind_of("islink", std::move(path), false);
    co_return kind == file_kind::symlink;
}

coro<std::uint64_t> getsize(std::string path) {
    const file_record record = co_await describe("getsize", std::move(path), true);
    co_return record.size;
}

coro<bool> samefile(std::string a, std::string b) {
    const file_record first = co_await describe("samefile", std::move(a), true);
    const file_record second = co_await describe("samefile", std::move(b), true);
    co_return file_status(first).same_file(file_status(second));
}

coro<bool> access(std::string path, access_mode mode) {
    const auto bits = static_cast<std::uint8_t>(mode);
    check_path("access", path);
    const int result = co_await on_worker([&]() noexcept {
        return sys::may_access(path.c_str(), (bits & 4) != 0, (bits & 2) != 0, (bits & 1) != 0);
    });
    co_return result == 0;
}

coro<disk_space> disk_usage(std::string path) {
    detail::space_record record;
    check_path("disk_usage", path);
    co_await on_worker("disk_usage", path, [&]() noexcept { return sys::space_on(path.c_str(), record); });
    co_return disk_space(record);
}

coro<void> mkdir(std::string path, std::uint32_t permissions) {
    check_path("mkdir", path);
    co_await on_worker("mkdir", path, [&]() noexcept { return sys::make_folder(path.c_str(), permissions); });
}

coro<void> makedirs(std::string path, std::uint32_t permissions) {
    std::string at = path;
    check_path("makedirs", path);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    co_await on_worker("makedirs", at, [&] { return make_folders(path, permissions, at); });
}

coro<void> rmdir(std::string path) {
    check_path("rmdir", path);
    co_await on_worker("rmdir", path, [&]() noexcept { return sys::remove_folder(path.c_str()); });
}

coro<void> remove(std::string path) {
    check_path("remove", path);
    co_await on_worker("remove", path, [&]() noexcept { return sys::remove_name(path.c_str()); });
}

coro<void> rmtree(std::string path) {
    std::string at = path;
    check_path("rmtree", path);
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();  // which would lead through a link
    co_await on_worker("rmtree", at, [&] { return sys::remove_tree(path, at); });
}

coro<void> rename(std::string from, std::string to) {
    return on_two("rename", std::move(from), std::move(to),
                  [](const char* a, const char* b) noexcept { return sys::rename_path(a, b, true); });
}
coro<void> rename_new(std::string from, std::string to) {
    return on_two("rename", std::move(from), std::move(to),
                  [](const char* a, const char* b) noexcept { return sys::rename_path(a, b, false); });
}
coro<void> link(std::string target, std::string name) {
    return on_two("link", std::move(target), std::move(name), sys::link_path);
}
coro<void> symlink(std::string target, std::string name) {
    return on_two("symlink", std::move(target), std::move(name), sys::symlink_path);
}

coro<std::string> readlink(std::string path) {
    std::string target;
    check_path("readlink", path);
    co_await on_worker("readlink", path, [&] { return sys::read_link(path.c_str(), target); });
    co_return target;
}

coro<void> chmod(std::string path, std::uint32_t permissions) {
    check_path("chmod", path);
    co_await on_worker("chmod", path, [&]() noexcept { return sys::change_mode(path.c_str(), permissions); });
}

coro<void> utime(std::string path, file_status::time_point accessed, file_status::time_point modified) {
    const std::int64_t read = accessed.time_since_epoch().count();
    const std::int64_t written = modified.time_since_epoch().count();
    check_path("utime", path);
    co_await on_worker("utime", path,
                       [&]() noexcept { return sys::change_times(path.c_str(), read, written, true); });
}

coro<void> truncate(std::string path, std::uint64_t size) {
    check_path("truncate", path);
    co_await on_worker("truncate", path, [&]() noexcept { return sys::truncate_path(path.c_str(), size); });
}

}  // namespace bide::fs
