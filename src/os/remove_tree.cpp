// bide/os: remove a folder and all that is in it.
//
// A path may lead somewhere else at each step: whoever may write in the tree can put a link in the place of a folder. So
// each folder is opened from the one around it and not through a link, and all that is removed is named by one name in a
// folder that is open. Depth first and without recursion, as a tree may be deeper than a stack, and with few descriptors:
// folders further up are closed, and opened again from below on the way back.
#include "os/remove_tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <utility>
#include <vector>

#include "os/fd.hpp"
#include "os/folder_reader.hpp"
#include "os/syscall.hpp"

namespace bide::detail::sys {

namespace {

constexpr std::size_t most_open = 8;

// A folder that is being removed.
struct level {
    std::string name;  // in the folder around it; of the first one the path
    unique_fd fd;      // closed while the work is far below
    dev_t device = 0;  // of one that was closed
    ino_t inode = 0;
    std::vector<std::string> folders{};  // in it, still to be removed
};

bool is_no_folder(int result) noexcept { return result == -ENOTDIR || result == -ELOOP; }

int remove_at(int folder, const std::string& name, int flags = 0) noexcept {
    const int result = ::unlinkat(folder, name.c_str(), flags) < 0 ? -errno : 0;
    return result == -ENOENT ? 0 : result;
}

class tree_removal {
public:
    int run(const std::string& path) {
        int result = enter(AT_FDCWD, path);
        if (result == 0) result = remove_files(levels_.back());
        while (result == 0 && (levels_.size() > 1 || !levels_.back().folders.empty())) result = step();
        if (result < 0) return result;
        inside_.clear();
        return remove_at(AT_FDCWD, path, AT_REMOVEDIR);
    }

    // Whether there is a folder to speak of, and what was at work when it failed.
    [[nodiscard]] bool begun() const noexcept { return !levels_.empty(); }
    [[nodiscard]] std::string place() const {
        std::string path;
        for (const level& each : levels_) (path += each.name) += '/';
        if (inside_.empty()) path.pop_back();
        return path + inside_;
    }

private:
    int step() {
        level& now = levels_.back();
        if (now.folders.empty()) return leave();
        inside_ = std::move(now.folders.back());
        now.folders.pop_back();
        const int folder = now.fd.get();
        const int result = enter(folder, inside_);
        if (result == -ENOENT) return 0;
        // Somebody has put a link or a file there: that is removed, and not what it leads to.
        if (is_no_folder(result)) return remove_at(folder, inside_);
        return result < 0 ? result : remove_files(levels_.back());
    }

    int enter(int folder, std::string name) {
        constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
        unique_fd fd(retry([&] { return ::openat(folder, name.c_str(), flags); }));
        if (!fd) return fd.get();
        if (levels_.size() >= most_open) {
            if (const int result = close(levels_[levels_.size() - most_open]); result < 0) return result;
        }
        levels_.push_back({.name = std::move(name), .fd = std::move(fd)});
        return 0;
    }

    // Leaves only the folders.
    int remove_files(level& folder) {
        folder_reader reader;
        std::vector<folder_entry> entries;
        inside_.clear();
        int result = reader.open_at(folder.fd.get(), ".", false);
        if (result < 0) return result == -ENOENT ? 0 : result;  // removed meanwhile
        for (;;) {
            entries.clear();
            inside_.clear();
            result = reader.read(entries, 1024);
            if (result < 0 || entries.empty()) return result;
            for (folder_entry& each : entries) {
                inside_ = std::move(each.name);
                // Where the file system does not tell the kind, this one is told by the attempt.
                result = each.kind == file_kind::directory ? -EISDIR : remove_at(folder.fd.get(), inside_);
                if (result < 0 && result != -EISDIR) return result;
                if (result < 0) folder.folders.push_back(std::move(inside_));
            }
        }
    }

    // Removes the innermost folder, which is empty by now, from the one around it.
    int leave() {
        level& around = levels_[levels_.size() - 2];
        inside_.clear();
        if (!around.fd) {
            if (const int result = open_again(around, levels_.back().fd.get()); result < 0) return result;
        }
        const std::string& name = levels_.back().name;
        int result = remove_at(around.fd.get(), name, AT_REMOVEDIR);
        if (is_no_folder(result)) result = remove_at(around.fd.get(), name);
        if (result == 0) levels_.pop_back();
        return result;
    }

    static int close(level& folder) noexcept {
        if (!folder.fd) return 0;
        struct ::stat found{};
        if (::fstat(folder.fd.get(), &found) != 0) return -errno;
        folder.device = found.st_dev;
        folder.inode = found.st_ino;
        folder.fd.reset();
        return 0;
    }

    // The folder around `below` may be another one by now, outside of the tree.
    static int open_again(level& folder, int below) noexcept {
        struct ::stat found{};
        unique_fd fd(retry([&] { return ::openat(below, "..", O_PATH | O_DIRECTORY | O_CLOEXEC); }));
        if (!fd) return fd.get();
        if (::fstat(fd.get(), &found) != 0) return -errno;
        if (found.st_dev != folder.device || found.st_ino != folder.inode) return -ESTALE;
        folder.fd = std::move(fd);
        return 0;
    }

    std::vector<level> levels_;
    std::string inside_;  // the name at work in the innermost folder; empty: that folder itself
};

}  // namespace

int remove_tree(const std::string& path, std::string& at) {
    tree_removal removal;
    const int result = removal.run(path);
    if (result < 0) at = removal.begun() ? removal.place() : path;
    return result;
}

}  // namespace bide::detail::sys
