// bide/net: pipes, terminals and standard streams of this process as streams.
#pragma once

#include <bide/stream.hpp>

#include <cstddef>

namespace bide {

/// Makes the reading end of a pipe, a FIFO, a socket or a terminal a stream. Owns the descriptor from then on: it is closed
/// with the last copy of the reader. A pipe is put into O_NONBLOCK mode. A terminal, which is shared with the shell, is not:
/// the descriptor becomes one of its own for the same terminal.
/// Throws: std::invalid_argument for a regular file or a folder, whose reads never wait; std::system_error for a
/// descriptor that is not open; invalid_state_error without a running loop. The descriptor stays the caller's then.
/// Threads: the loop's. Python: loop.connect_read_pipe.
[[nodiscard]] stream_reader connect_read_pipe(int fd, std::size_t limit = default_stream_limit);

/// The same for the writing end. When nobody reads any more, the stream is closed, also while nothing is written; bytes
/// that were unsent make it fail with EPIPE. write_eof() closes it. Python: loop.connect_write_pipe.
[[nodiscard]] stream_writer connect_write_pipe(int fd);

/// The standard streams, whatever they are: terminal, pipe, socket or file. The descriptors 0, 1 and 2 stay open and in the
/// mode they are in, because they are shared with the shell: pipes and terminals are opened a second time.
/// Call each once: what one reader has buffered, another does not see. Files are read and written in the loop's thread.
/// Write to the end with `writer.close(); co_await writer.wait_closed();`: what is unsent when the loop ends is lost.
/// Throws: std::system_error when it is closed; invalid_state_error without a running loop. Python: none (connect_read_pipe
/// with sys.stdin, which leaves the terminal in O_NONBLOCK mode and refuses files).
[[nodiscard]] stream_reader open_stdin(std::size_t limit = default_stream_limit);
[[nodiscard]] stream_writer open_stdout();
[[nodiscard]] stream_writer open_stderr();

}  // namespace bide
