// bide/system: files and folders that go away by themselves.
#include <bide/temporary.hpp>

#include <bide/as_result.hpp>
#include <bide/fs.hpp>

#include <cerrno>
#include <cstdlib>
#include <stdexcept>

#include "loop/loop_core.hpp"
#include "os/fd.hpp"
#include "os/path_calls.hpp"
#include "os/remove_tree.hpp"
#include "system/file_core.hpp"
#include "system/open_mode.hpp"
#include "system/worker_call.hpp"

namespace bide {

namespace {

using detail::file_ref;
using detail::on_worker;
using detail::removed_path;
namespace sys = detail::sys;

std::string folder_for(const temporary_options& options) {
    if (!options.folder().empty()) return options.folder();
    const char* const named = std::getenv("TMPDIR");
    return named != nullptr && *named != '\0' ? named : "/tmp";
}

std::string pattern_for(const temporary_options& options) {
    for (const std::string* part : {&options.prefix(), &options.suffix()}) {
        if (part->find('/') == std::string::npos) continue;
        throw std::invalid_argument("a temporary name cannot contain '" + *part +
                                    "': say where it goes with temporary_options::folder");
    }
    std::string pattern = folder_for(options) + "/" + options.prefix() + "XXXXXX" + options.suffix();
    detail::check_path("open", pattern);
    return pattern;
}

file make_file(std::string path, detail::unique_fd& owner, const detail::opened_file& made) {
    detail::open_flags flags;
    flags.read = flags.write = true;
    file_ref core(new detail::file_core(std::move(path), "w+", flags, open_options(), made));
    static_cast<void>(owner.release());
    return file(std::move(core));
}

}  // namespace

namespace detail {

removed_path::~removed_path() {
    if (path_.empty()) return;
    std::string at = path_;
    int result = 0;
    try {
        result = sys::remove_name(path_.c_str());
        if (result == -EISDIR) result = sys::remove_tree(path_, at);
        if (result == 0 || result == -ENOENT) return;
        throw std::system_error(-result, std::generic_category(), about("remove", at));
    } catch (...) {
        report_late(this_loop, {"A temporary file was not removed", std::current_exception(), {}, {}});
    }
}

}  // namespace detail

coro<file> temporary_file(temporary_options options) {
    const std::string folder = folder_for(options);
    detail::open_flags flags;
    flags.read = flags.write = true;
    flags.permissions = 0600;
    detail::opened_file made;
    detail::unique_fd owner;
    detail::check_path("open", folder);
    co_await on_worker("open a temporary file in", folder, [&] {
        const int result = sys::open_unnamed(folder.c_str(), flags, made);
        owner.reset(made.fd);
        return result;
    });
    co_return make_file(folder + "/(unnamed)", owner, made);
}

coro<named_temporary_file> make_named_temporary_file(temporary_options options) {
    std::string path = pattern_for(options);
    const std::string pattern = path;
    const std::size_t suffix = std::as_const(options).suffix().size();
    detail::opened_file made;
    detail::unique_fd owner;
    removed_path name;
    co_await on_worker("open", pattern, [&] {
        const int result = sys::make_temporary(path.data(), suffix, made);
        owner.reset(made.fd);
        if (result == 0) name = removed_path(path);
        return result;
    });
    file stream = make_file(std::move(path), owner, made);
    co_return named_temporary_file(std::move(name), std::move(stream));
}

coro<void> named_temporary_file::remove() {
    if (stream) co_await stream.close();
    if (path().empty()) co_return;
    std::string gone = path();
    co_await fs::remove(std::move(gone));
    static_cast<void>(name_.release());
}

coro<temporary_directory> make_temporary_directory(temporary_options options) {
    std::string path = pattern_for(options);
    const std::string pattern = path;
    if (!std::as_const(options).suffix().empty())
        throw std::invalid_argument("a temporary folder has no suffix: use temporary_options::prefix");
    removed_path name;
    co_await on_worker("mkdir", pattern, [&] {
        const int result = sys::make_temporary_folder(path.data());
        if (result == 0) name = removed_path(path);
        return result;
    });
    co_return temporary_directory(std::move(name));
}

coro<void> temporary_directory::remove() {
    if (path().empty()) co_return;
    std::string gone = path();
    const auto how = co_await as_result(fs::rmtree(std::move(gone)));
    const bool is_gone = how || how.error() == std::errc::no_such_file_or_directory;
    if (!is_gone) static_cast<void>(how.value());  // throws
    static_cast<void>(name_.release());
}

}  // namespace bide
