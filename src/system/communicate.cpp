// bide/system: feed a process and read both its outputs at the same time.
#include <bide/error.hpp>
#include <bide/task_group.hpp>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <string_view>
#include <system_error>

#include "system/child_process.hpp"

namespace bide::detail {

namespace {

constexpr std::size_t piece = 256 * 1024;  // written between two looks at the others

// What a terminal takes for the end of the input. In the middle of a line it only lets the reader have what was typed.
std::string_view end_of_typing(std::string_view typed) noexcept {
    const bool in_a_line = !typed.empty() && typed.back() != '\n';
    return in_a_line ? "\x04\x04" : "\x04";
}

// A child that ends, or closes its input, before it has read everything is no error.
coro<void> feed(const child_process& child, std::string_view input) {
    const stream_writer& writer = *child.in;
    const std::string_view end = end_of_typing(input);
    try {
        for (; !input.empty(); input.remove_prefix(std::min(piece, input.size()))) {
            writer.write(input.substr(0, piece));
            co_await writer.drain();
        }
        if (child.has_terminal) writer.write(end);
        writer.close();
        co_await writer.wait_closed();
    } catch (const std::system_error& e) {
        if (e.code() != std::errc::broken_pipe && e.code() != std::errc::connection_reset) throw;
    }
}

coro<void> collect(const stream_reader& reader, std::string& text) {
    std::string more = co_await reader.read();
    if (text.empty()) {
        text = std::move(more);
    } else {
        text += more;
    }
}

coro<void> feed_and_collect(child_process& child, std::string_view input) {
    std::exception_ptr error;
    const auto body = [&](task_group& group) -> coro<void> {
        if (child.in) group.create_task(feed(child, input));
        if (child.out) group.create_task(collect(*child.out, child.out_text));
        if (child.err) group.create_task(collect(*child.err, child.err_text));
        co_return;
    };
    try {
        co_await with_task_group(body);
    } catch (const exception_group& failures) { error = failures.exceptions().front(); }
    if (error) std::rethrow_exception(error);
}

}  // namespace

coro<process_output> talk(child_ref child, std::string input) {
    child_process& it = *child;
    if (!input.empty() && !it.in) {
        throw invalid_state_error("communicate: there is input, but stdin is no pipe; start it with "
                                  "subprocess_options().stdin_pipe()");
    }
    co_await feed_and_collect(it, input);
    co_await until_closed(child);
    co_return process_output(std::move(it.out_text), std::move(it.err_text));
}

}  // namespace bide::detail
