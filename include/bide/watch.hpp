// bide/system: be told when files change.
#pragma once

#include <bide/async_generator.hpp>
#include <bide/coro.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace bide::fs {

/// What happened to a file.
enum class change : std::uint8_t {
    created,     ///< a name appeared in a watched folder
    removed,     ///< a name, or what is watched itself, is gone
    modified,    ///< content was written or cut
    written,     ///< closed by somebody who had it open for writing: a good moment to read it
    attributes,  ///< permissions, owner, times
    moved_from,  ///< renamed away; the other half, where it is watched too, has the same cookie()
    moved_to,    ///< renamed to here
    overflow     ///< too much happened at once: some events are missing, look at everything again
};

/// One event of watch(). A value.
class watch_event {
public:
    watch_event(fs::change what, std::string path, bool is_dir, std::uint32_t cookie)
        : path_(std::move(path)), cookie_(cookie), what_(what), is_dir_(is_dir) {}

    [[nodiscard]] fs::change what() const noexcept { return what_; }
    /// What was given to watch(), and for something in a folder a slash and its name. Empty for an overflow.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] bool is_dir() const noexcept { return is_dir_; }
    /// The same in moved_from and moved_to of one rename; 0 elsewhere.
    [[nodiscard]] std::uint32_t cookie() const noexcept { return cookie_; }

private:
    std::string path_;
    std::uint32_t cookie_;
    fs::change what_;
    bool is_dir_;
};

/// Settings of watch().
class watch_options {
public:
    /// Watches all folders below too, those that come later included; what is in such a folder already when it is found
    /// comes as `created`, perhaps twice. Symbolic links are not followed. A folder below that cannot be read is left out,
    /// also when that is allowed later. Default: off.
    watch_options& recursive(bool on = true) noexcept {
        recursive_ = on;
        return *this;
    }
    [[nodiscard]] bool recursive() const noexcept { return recursive_; }

private:
    bool recursive_ = false;
};

/// Watches a file or a folder: `auto events = co_await fs::watch(path); while (auto e = co_await events.next())`. What
/// happens from the moment on when watch() returns is told, also while nobody waits. It ends when what is watched is
/// removed or renamed away.
/// Throws: std::system_error "watch 'x': ...", of which no_space_on_device means that fs.inotify.max_user_watches is
/// reached; next() does so for a folder that appears later, after it has given what had happened.
/// Cancellation: of a wait for the next event, as for every async generator: it is over then; for a limit in time wrap
/// what produces the events, not next().
/// Limits: the kernel keeps 16384 events (fs.inotify.max_queued_events), then comes change::overflow. Threads: the loop's.
/// Python: none (watchfiles.awatch).
[[nodiscard]] coro<async_generator<watch_event>> watch(std::string path, watch_options options = {});

}  // namespace bide::fs
