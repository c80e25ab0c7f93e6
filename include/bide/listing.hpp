// bide/system: what is in folders, as async generators.
#pragma once

#include <bide/async_generator.hpp>
#include <bide/coro.hpp>
#include <bide/detail/base/move_only_function.hpp>
#include <bide/file_status.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

/// Names come in the order in which the file system has them, without "." and "..". They are fetched some at a time, so
/// a folder of any size takes little memory (walk() keeps the names of the folders on its way). A name that is made or
/// removed meanwhile may come or not.
namespace bide::fs {

/// One name in a folder. Python: os.DirEntry.
class dir_entry {
public:
    dir_entry(std::string folder, std::string name, file_kind kind, std::uint64_t inode)
        : folder_(std::move(folder)), name_(std::move(name)), kind_(kind), inode_(inode) {}

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// The folder as it was given to scandir(), and the name.
    [[nodiscard]] std::string path() const;
    /// Of the entry itself: a symbolic link is a symbolic link.
    [[nodiscard]] file_kind kind() const noexcept { return kind_; }
    [[nodiscard]] bool is_file() const noexcept { return kind_ == file_kind::regular; }
    [[nodiscard]] bool is_dir() const noexcept { return kind_ == file_kind::directory; }
    [[nodiscard]] bool is_symlink() const noexcept { return kind_ == file_kind::symlink; }
    [[nodiscard]] std::uint64_t inode() const noexcept { return inode_; }
    /// Of what it leads to. Python: DirEntry.stat.
    [[nodiscard]] coro<file_status> stat() const;

private:
    std::string folder_;
    std::string name_;
    file_kind kind_;
    std::uint64_t inode_;
};

/// `while (auto name = co_await names.next())`. Throws: std::system_error "listdir 'x': ...".
/// Python: os.listdir, which gives a list.
[[nodiscard]] async_generator<std::string> listdir(std::string path = ".");
/// Python: os.scandir, whose entries say of a link what it leads to.
[[nodiscard]] async_generator<dir_entry> scandir(std::string path = ".");

/// What walk() gives for each folder.
class walk_step {
public:
    std::string path;  ///< of the folder; begins with what was given to walk()
    std::vector<std::string>
        dirs;  ///< names of the folders in it; what is erased here is not walked (top-down only)
    std::vector<std::string> files;  ///< names of everything else, with links
};

/// Settings of walk().
class walk_options {
public:
    /// A folder comes before (default) or after those in it. Python: topdown.
    walk_options& topdown(bool on) noexcept {
        topdown_ = on;
        return *this;
    }
    /// Walks into folders that symbolic links lead to; a link that leads upwards then never ends. Default: off.
    /// Python: followlinks.
    walk_options& follow_links(bool on = true) noexcept {
        follow_links_ = on;
        return *this;
    }
    /// Called for a folder that cannot be read, which is then left out. Default: the error is thrown. Python: onerror,
    /// without which errors are ignored.
    walk_options& on_error(move_only_function<void(const std::system_error&)> handler) {
        on_error_ = std::make_shared<move_only_function<void(const std::system_error&)>>(std::move(handler));
        return *this;
    }

    [[nodiscard]] bool topdown() const noexcept { return topdown_; }
    [[nodiscard]] bool follow_links() const noexcept { return follow_links_; }
    /// For bide's own layers: null where there is none.
    [[nodiscard]] const auto& on_error() const noexcept { return on_error_; }

private:
    std::shared_ptr<move_only_function<void(const std::system_error&)>>
        on_error_;  // shared, so that options copy
    bool topdown_ = true;
    bool follow_links_ = false;
};

/// A folder and all below it: `while (auto step = co_await tree.next())`, where step->path, step->dirs and step->files
/// tell of one folder; the names are sorted. Throws: std::system_error "walk 'x': ..." unless walk_options::on_error().
/// Python: os.walk.
[[nodiscard]] async_generator<walk_step&> walk(std::string top, walk_options options = {});

}  // namespace bide::fs
