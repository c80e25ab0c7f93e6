// bide/system: files and folders that go away by themselves.
#pragma once

#include <bide/coro.hpp>
#include <bide/file.hpp>

#include <string>
#include <utility>

namespace bide {

/// Settings of temporary_file() and its like.
class temporary_options {
public:
    /// Where it is made. Default: the environment variable TMPDIR, or /tmp. Python: dir.
    temporary_options& folder(std::string path) {
        folder_ = std::move(path);
        return *this;
    }
    /// What its name begins and ends with. Default: "tmp" and nothing. Python: prefix, suffix.
    temporary_options& prefix(std::string text) {
        prefix_ = std::move(text);
        return *this;
    }
    temporary_options& suffix(std::string text) {
        suffix_ = std::move(text);
        return *this;
    }

    [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
    [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
    [[nodiscard]] const std::string& suffix() const noexcept { return suffix_; }

private:
    std::string folder_;
    std::string prefix_ = "tmp";
    std::string suffix_;
};

/// A file without a name, open with mode "w+": it is gone when it is closed, also when the process ends by a signal.
/// Throws: std::system_error "open a temporary file in 'x': ...". Python: aiofiles.tempfile.TemporaryFile.
[[nodiscard]] coro<file> temporary_file(temporary_options options = {});

namespace detail {

// A path that is removed when this is destroyed, with all below it.
class removed_path {
public:
    removed_path() noexcept = default;
    explicit removed_path(std::string path) noexcept : path_(std::move(path)) {}
    removed_path(removed_path&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    removed_path& operator=(removed_path&& other) noexcept {
        path_.swap(other.path_);
        return *this;
    }
    ~removed_path();

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    std::string release() noexcept { return std::exchange(path_, {}); }

private:
    std::string path_;
};

}  // namespace detail

/// A file with a name of its own, readable by its owner only, open with mode "w+". The name is removed when this is
/// dropped (on the loop's thread) or by remove(). Movable. Python: aiofiles.tempfile.NamedTemporaryFile.
class named_temporary_file {
public:
    named_temporary_file(named_temporary_file&&) noexcept = default;
    named_temporary_file& operator=(named_temporary_file&&) noexcept = default;

    [[nodiscard]] const std::string& path() const noexcept { return name_.path(); }
    /// Closes the file and removes its name. Idempotent.
    coro<void> remove();
    /// The name stays; returns it. Python: delete=False.
    std::string keep() noexcept { return name_.release(); }

    file stream;

    /// For bide's own layers.
    named_temporary_file(detail::removed_path name, file f) noexcept
        : stream(std::move(f)), name_(std::move(name)) {}

private:
    detail::removed_path name_;
};
[[nodiscard]] coro<named_temporary_file> make_named_temporary_file(temporary_options options = {});

/// A folder with a name of its own, for its owner only. It is removed with all that is in it when this is dropped (on the
/// loop's thread, which waits: prefer remove()) or by remove(). Movable. Python: aiofiles.tempfile.TemporaryDirectory.
class temporary_directory {
public:
    [[nodiscard]] const std::string& path() const noexcept { return name_.path(); }
    /// path() and a name in it.
    [[nodiscard]] std::string operator/(const std::string& name) const { return path() + "/" + name; }
    /// Throws: std::system_error that names what could not be removed. Idempotent.
    coro<void> remove();
    /// The folder stays; returns its path. Python: delete=False.
    std::string keep() noexcept { return name_.release(); }

    /// For bide's own layers.
    explicit temporary_directory(detail::removed_path name) noexcept : name_(std::move(name)) {}

private:
    detail::removed_path name_;
};
[[nodiscard]] coro<temporary_directory> make_temporary_directory(temporary_options options = {});

}  // namespace bide
