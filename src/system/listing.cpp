// bide/system: what is in folders, as async generators.
#include <bide/listing.hpp>

#include <bide/fs.hpp>

#include <algorithm>
#include <cerrno>

#include "os/folder_reader.hpp"
#include "os/path_calls.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide::fs {

namespace {

using detail::check_path;
using detail::folder_entry;
using detail::folder_reader;
using detail::on_worker;
namespace sys = detail::sys;

constexpr std::size_t batch_size = 256;

std::string joined(const std::string& folder, const std::string& name) {
    return folder.ends_with('/') ? folder + name : folder + "/" + name;
}

// Some more entries of a folder, with the kinds of all of them. Opens it at the first call.
int read_batch(folder_reader& reader, bool& opened, const std::string& path,
               std::vector<folder_entry>& batch) {
    batch.clear();
    int result = opened ? 0 : reader.open(path.c_str(), true);
    if (result < 0) return result;
    opened = true;
    result = reader.read(batch, batch_size);
    for (folder_entry& each : batch) {
        if (each.kind != file_kind::unknown) continue;
        detail::file_record record;
        if (sys::describe(joined(path, each.name).c_str(), false, record) == 0) each.kind = record.kind;
    }
    return result;
}

// A folder on the way of walk().
struct visited {
    walk_step step;
    std::vector<std::string> links;  // those of step.dirs that are symbolic links
    std::size_t next = 0;            // in step.dirs
    bool given = false;
};

int read_all(visited& folder) {
    const std::string& path = folder.step.path;
    folder_reader reader;
    bool opened = false;
    std::vector<folder_entry> batch;
    for (;;) {
        if (const int result = read_batch(reader, opened, path, batch); result < 0) return result;
        if (batch.empty()) break;
        for (folder_entry& each : batch) {
            file_kind kind = each.kind;
            if (kind == file_kind::symlink) {
                detail::file_record target;
                if (sys::describe(joined(path, each.name).c_str(), true, target) == 0) kind = target.kind;
                if (kind == file_kind::directory) folder.links.push_back(each.name);
            }
            auto& list = kind == file_kind::directory ? folder.step.dirs : folder.step.files;
            list.push_back(std::move(each.name));
        }
    }
    std::sort(folder.step.dirs.begin(), folder.step.dirs.end());
    std::sort(folder.step.files.begin(), folder.step.files.end());
    std::sort(folder.links.begin(), folder.links.end());
    return 0;
}

// False: it cannot be read, and is left out.
coro<bool> look_into(visited& folder, bool is_top, const walk_options& options) {
    const int result = co_await on_worker([&] { return read_all(folder); });
    if (result >= 0) co_return true;
    if (result == -ENOENT && !is_top) co_return false;  // removed since its name was read
    const std::system_error error(-result, std::generic_category(), detail::about("walk", folder.step.path));
    if (!options.on_error()) throw error;
    (*options.on_error())(error);
    co_return false;
}

}  // namespace

std::string dir_entry::path() const { return joined(folder_, name_); }
coro<file_status> dir_entry::stat() const { return fs::stat(path()); }

async_generator<dir_entry> scandir(std::string path) {
    folder_reader reader;
    bool opened = false;
    std::vector<folder_entry> batch;
    check_path("scandir", path);
    for (;;) {
        co_await on_worker("scandir", path, [&] { return read_batch(reader, opened, path, batch); });
        if (batch.empty()) break;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            dir_entry entry(path, std::move(batch[i].name), batch[i].kind, batch[i].inode);
            co_yield std::move(entry);
        }
    }
}

async_generator<std::string> listdir(std::string path) {
    folder_reader reader;
    bool opened = false;
    std::vector<folder_entry> batch;
    check_path("listdir", path);
    for (;;) {
        co_await on_worker("listdir", path, [&] { return read_batch(reader, opened, path, batch); });
        if (batch.empty()) break;
        for (std::size_t i = 0; i < batch.size(); ++i) {
            std::string name = std::move(batch[i].name);
            co_yield std::move(name);
        }
    }
}

async_generator<walk_step&> walk(std::string top, walk_options options) {
    std::vector<visited> way;  // from the top to where it is
    check_path("walk", top);
    visited first;
    first.step.path = std::move(top);
    bool good = co_await look_into(first, true, options);
    if (good) way.push_back(std::move(first));
    const bool topdown = std::as_const(options).topdown();
    const bool follow = std::as_const(options).follow_links();
    while (!way.empty()) {
        visited& here = way.back();
        if (topdown && !here.given) {
            here.given = true;
            co_yield here.step;
        }
        if (here.next == here.step.dirs.size()) {
            if (!topdown) co_yield here.step;
            way.pop_back();
            continue;
        }
        const std::string& name = here.step.dirs[here.next++];
        if (!follow && std::binary_search(here.links.begin(), here.links.end(), name)) continue;
        visited below;
        below.step.path = joined(here.step.path, name);
        good = co_await look_into(below, false, options);
        if (good) way.push_back(std::move(below));
    }
}

}  // namespace bide::fs
