// bide/system: be told when files change.
#include <bide/watch.hpp>

#include <bide/as_result.hpp>

#include <cerrno>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "loop/loop_core.hpp"
#include "os/folder_reader.hpp"
#include "os/path_calls.hpp"
#include "os/path_watch.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide::fs {

namespace {

using detail::path_change;
using detail::path_event;
namespace sys = detail::sys;

change told_as(path_change what) noexcept {
    switch (what) {
        case path_change::created: return change::created;
        case path_change::removed:
        case path_change::self_removed:
        case path_change::self_moved:
        case path_change::unwatched: return change::removed;
        case path_change::modified: return change::modified;
        case path_change::written: return change::written;
        case path_change::attributes: return change::attributes;
        case path_change::moved_from: return change::moved_from;
        case path_change::moved_to: return change::moved_to;
        case path_change::overflow: break;
    }
    return change::overflow;
}

// One watch() and what it has not told yet.
struct watcher {
    explicit watcher(std::string path, bool below) : top(std::move(path)), recursive(below) {}
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;
    ~watcher() {
        if (detail::this_loop != nullptr) detail::this_loop->loop->forget(kernel.fd());
    }

    // Worker thread: watches a path and, where asked for, all folders in it. `found` gets what is there already.
    int add(const std::string& path, std::vector<watch_event>* found);
    int add_below(const std::string& folder, std::vector<std::string>& folders,
                  std::vector<watch_event>* found);
    // Events are missing: folders may have come, gone and changed their names.
    int look_again();
    // A folder was renamed away: what happens in it from now on is none of ours.
    void remove(const std::string& folder);
    void translate(const path_event& event);

    detail::path_watch kernel;
    std::string top;
    bool recursive;
    bool over = false;
    bool lost_some = false;
    int top_watch = -1;
    std::map<int, std::string> paths;  // of the watches
    std::vector<path_event> events;
    std::vector<watch_event> told;
    std::vector<std::string> fresh;  // folders that appeared
    alignas(8) char bytes[16384];
};

// A folder below the top that has gone again, or that is private, is none of what is watched.
bool is_left_out(int error) noexcept {
    return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ENAMETOOLONG ||
           error == -EACCES || error == -EPERM;
}

int watcher::add(const std::string& path, std::vector<watch_event>* found) {
    std::vector<std::string> folders{path};
    while (!folders.empty()) {
        const std::string folder = std::move(folders.back());
        folders.pop_back();
        const bool is_top = top_watch < 0;
        const int watch = is_top ? kernel.add(folder.c_str()) : kernel.add_folder(folder.c_str());
        if (watch < 0) {
            if (!is_top && is_left_out(watch)) continue;
            return watch;
        }
        if (is_top) top_watch = watch;
        paths[watch] = folder;
        if (!recursive) continue;
        const int result = add_below(folder, folders, found);
        const bool fails = is_top ? result != -ENOENT && result != -ENOTDIR : !is_left_out(result);
        if (result < 0 && fails) return result;
    }
    return 0;
}

int watcher::add_below(const std::string& folder, std::vector<std::string>& folders,
                       std::vector<watch_event>* found) {
    detail::folder_reader reader;
    if (const int result = reader.open(folder.c_str(), folder == top); result < 0) return result;
    std::vector<detail::folder_entry> entries;
    for (;;) {
        entries.clear();
        if (const int result = reader.read(entries, 1024); result < 0) return result;
        if (entries.empty()) return 0;
        for (const detail::folder_entry& each : entries) {
            const std::string path = folder + "/" + each.name;
            detail::file_record record;
            record.kind = each.kind;
            if (each.kind == detail::file_kind::unknown)
                static_cast<void>(sys::describe(path.c_str(), false, record));
            const bool is_folder = record.kind == detail::file_kind::directory;
            if (is_folder) folders.push_back(path);
            if (found != nullptr) found->emplace_back(change::created, path, is_folder, 0);
        }
    }
}

int watcher::look_again() {
    const std::map<int, std::string> before = std::exchange(paths, {});
    top_watch = -1;
    const int result = add(top, nullptr);
    for (const auto& each : before) {
        if (!paths.contains(each.first)) kernel.remove(each.first);
    }
    if (result == -ENOENT && top_watch < 0) {
        told.emplace_back(change::removed, top, false, 0);
        over = true;
        return 0;
    }
    return result;
}

void watcher::remove(const std::string& folder) {
    const std::string below = folder + "/";
    std::erase_if(paths, [&](const auto& each) {
        if (each.second != folder && !each.second.starts_with(below)) return false;
        kernel.remove(each.first);
        return true;
    });
}

void watcher::translate(const path_event& event) {
    if (event.what == path_change::overflow) {
        told.emplace_back(change::overflow, std::string(), false, 0);
        lost_some = true;
        return;
    }
    const auto found = paths.find(event.watch);
    if (found == paths.end()) return;
    const bool is_self = event.name.empty();
    const bool is_top = event.watch == top_watch;
    const std::string path = is_self ? found->second : found->second + "/" + event.name;
    const bool ends = event.what == path_change::self_removed || event.what == path_change::self_moved ||
                      event.what == path_change::unwatched;
    if (ends) {
        // Below the top the folder that it was in tells the same.
        if (is_top && !over) {
            told.emplace_back(change::removed, path, event.folder, 0);
            over = true;
        }
        if (event.what != path_change::self_moved) paths.erase(found);
        return;
    }
    if (is_self && !is_top) return;  // told by the folder that it is in
    told.emplace_back(told_as(event.what), path, event.folder, event.cookie);
    if (!recursive || !event.folder) return;
    if (event.what == path_change::moved_from) remove(path);
    if (event.what == path_change::created || event.what == path_change::moved_to) fresh.push_back(path);
}

async_generator<watch_event> events_of(std::unique_ptr<watcher> from) {
    watcher& state = *from;
    while (!state.over) {
        detail::op_args args;
        args.fd = state.kernel.fd();
        args.data = state.bytes;
        args.size = sizeof state.bytes;
        const auto size = co_await as_result(detail::io_awaiter(detail::read_op, args));
        if (!size) detail::throw_file_error(size.error().value(), "watch", state.top);
        state.events.clear();
        state.told.clear();
        detail::path_watch::parse(state.bytes, *size, state.events);
        for (const path_event& each : state.events) state.translate(each);
        int error = 0;
        std::string failed;
        for (std::size_t i = 0; i < state.fresh.size() && error == 0; ++i) {
            error = co_await detail::on_worker([&] { return state.add(state.fresh[i], &state.told); });
            if (error < 0) failed = state.fresh[i];
        }
        state.fresh.clear();
        if (std::exchange(state.lost_some, false) && error == 0 && !state.over) {
            error = co_await detail::on_worker([&] { return state.look_again(); });
            if (error < 0) failed = state.top;
        }
        for (std::size_t i = 0; i < state.told.size(); ++i) {
            watch_event event = std::move(state.told[i]);
            co_yield std::move(event);
        }
        if (error < 0) detail::throw_file_error(-error, "watch", failed);  // after what had happened before
    }
}

}  // namespace

coro<async_generator<watch_event>> watch(std::string path, watch_options options) {
    detail::check_path("watch", path);
    const bool below = std::as_const(options).recursive();
    auto state = std::make_unique<watcher>(std::move(path), below);
    watcher& from = *state;
    co_await detail::on_worker("watch", from.top, [&] {
        const int result = from.kernel.open();
        return result < 0 ? result : from.add(from.top, nullptr);
    });
    co_return events_of(std::move(state));
}

}  // namespace bide::fs
