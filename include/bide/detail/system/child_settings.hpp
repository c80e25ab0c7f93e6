// bide/system: what a child process is started with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace bide::detail {

enum class stream_source : std::uint8_t { inherited, pipe, null_device, descriptor, standard_output };

struct child_stream {
    stream_source from = stream_source::inherited;
    int fd = -1;
};

struct descriptor_place {
    int from;
    int to;
};

struct resource_limit {
    int which;
    std::uint64_t soft;
    std::uint64_t hard;
};

struct terminal_size {
    unsigned short rows;
    unsigned short columns;
};

struct child_settings {
    child_stream streams[3];
    std::size_t limit = 64 * 1024;
    std::string folder;
    std::string executable;
    bool clears_environment = false;
    std::vector<std::pair<std::string, std::string>> environment;
    std::vector<descriptor_place> descriptors;
    std::vector<resource_limit> limits;
    std::optional<terminal_size> terminal;
    std::optional<unsigned> umask;
    std::optional<int> process_group;
    std::optional<std::uint32_t> user;
    std::optional<std::uint32_t> group;
    std::optional<std::vector<std::uint32_t>> groups;
    bool new_session = false;
    bool resets_signals = true;
};

}  // namespace bide::detail
