// bide/net: pipes, terminals and standard streams of this process as streams.
#include <bide/pipe.hpp>

#include <bide/error.hpp>
#include <bide/future.hpp>

#include <stdexcept>
#include <string>
#include <system_error>

#include "net/pipe_stream.hpp"
#include "os/sock.hpp"

namespace bide {

namespace {

using detail::pipe_end;
using detail::stream_ref;
using detail::sys::stream_kind;
namespace sys = detail::sys;

stream_kind kind_of(int fd, const char* call) {
    stream_kind kind = stream_kind::other;
    const int result = sys::kind_of_stream(fd, kind);
    if (result < 0) {
        throw std::system_error(-result, std::generic_category(),
                                std::string(call) + ": descriptor " + std::to_string(fd));
    }
    return kind;
}

pipe_end take(int fd, bool for_writing, const char* call) {
    const stream_kind kind = kind_of(fd, call);
    if (kind == stream_kind::regular || kind == stream_kind::other) {
        throw std::invalid_argument(std::string(call) + ": descriptor " + std::to_string(fd) + " is a " +
                                    (kind == stream_kind::regular ? "regular file" : "folder or the like") +
                                    "; pass a pipe, a FIFO, a socket or a terminal");
    }
    bool shared = kind == stream_kind::device;
    if (kind == stream_kind::terminal) shared = sys::make_own_non_blocking(fd, for_writing) < 0;
    if (kind == stream_kind::pipe) {
        const int result = sys::set_non_blocking(fd);
        if (result < 0) throw std::system_error(-result, std::generic_category(), call);
    }
    return {fd, kind, shared, true};
}

pipe_end standard(int fd, bool for_writing, const char* call) {
    const stream_kind kind = kind_of(fd, call);
    if (kind == stream_kind::pipe || kind == stream_kind::terminal) {
        const int own = sys::reopen_non_blocking(fd, for_writing);
        if (own >= 0) return {own, kind, false, true};
    }
    return {fd, kind, kind != stream_kind::socket, false};
}

stream_writer standard_writer(int fd, const char* call) {
    detail::loop_state& loop = detail::current_loop_state(call);
    return stream_writer(stream_ref(detail::make_pipe_writer(loop, standard(fd, true, call))));
}

}  // namespace

stream_reader connect_read_pipe(int fd, std::size_t limit) {
    detail::loop_state& loop = detail::current_loop_state("connect_read_pipe");
    return stream_reader(stream_ref(detail::make_pipe_reader(loop, take(fd, false, "connect_read_pipe"))),
                         limit);
}

stream_writer connect_write_pipe(int fd) {
    detail::loop_state& loop = detail::current_loop_state("connect_write_pipe");
    return stream_writer(stream_ref(detail::make_pipe_writer(loop, take(fd, true, "connect_write_pipe"))));
}

stream_reader open_stdin(std::size_t limit) {
    detail::loop_state& loop = detail::current_loop_state("open_stdin");
    return stream_reader(stream_ref(detail::make_pipe_reader(loop, standard(0, false, "open_stdin"))), limit);
}
stream_writer open_stdout() { return standard_writer(1, "open_stdout"); }
stream_writer open_stderr() { return standard_writer(2, "open_stderr"); }

}  // namespace bide
