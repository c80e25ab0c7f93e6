// bide/system: the state of an open file.
#include "system/file_core.hpp"

#include <bide/error.hpp>

#include <cerrno>
#include <system_error>
#include <utility>

#include "loop/loop_core.hpp"
#include "os/sock.hpp"
#include "system/worker_call.hpp"

namespace bide::detail {

void retain(file_core& of) noexcept { ++of.refs; }
void release(file_core& of) noexcept {
    if (--of.refs == 0) delete &of;
}

file_core::file_core(std::string file_path, std::string file_mode, const open_flags& how,
                     const open_options& options, const opened_file& made) noexcept
    : fd(made.fd),
      flags(how),
      seekable(made.seekable),
      before_writer(made.before_writer),
      check_utf8(options.check_utf8()),
      buffer_size(options.buffering()),
      line_limit(options.line_limit()),
      size_hint(made.record.size),
      loop(this_loop),
      loop_number(loop == nullptr ? 0 : loop->number),
      path(std::move(file_path)),
      mode(std::move(file_mode)) {
    if (flags.append) position = made.record.size;
}

file_core::~file_core() {
    if (fd < 0) return;
    if (const int error = write_out_now(); error < 0) {
        const std::size_t lost = unwritten();
        try {
            throw std::system_error(-error, std::generic_category(), about("write", path));
        } catch (...) {
            report_late(loop, loop_number,
                        {"A file was dropped with " + std::to_string(lost) +
                             " bytes that could not be written; close() it to handle that",
                         std::current_exception(),
                         {},
                         {}});
        }
    }
    close_now();
}

std::string file_core::take(std::size_t count) {
    position += count;
    if (head == 0 && count == buffer.size() && count > 4096) return std::exchange(buffer, std::string());
    std::string taken = buffer.substr(head, count);
    head += count;
    if (head == buffer.size()) drop_ahead();
    return taken;
}

void file_core::skip(std::size_t count) noexcept {
    position += count;
    head += count;
    if (head == buffer.size()) drop_ahead();
}

void file_core::drop_ahead() noexcept {
    buffer.clear();
    head = 0;
}

void file_core::check_text(std::string_view bytes, bool at_end) {
    if (!check_utf8) return;
    auto wrong = text.feed(bytes);
    if (!wrong && at_end) wrong = text.end();
    if (!wrong) return;
    throw std::system_error(EILSEQ, std::generic_category(),
                            about("read", path) + ": no UTF-8 at byte " + std::to_string(*wrong));
}

void file_core::end_operation() noexcept {
    if (--in_flight == 0 && closed) close_now();
}

void file_core::close_now() noexcept {
    if (fd < 0) return;
    if (this_loop != nullptr) this_loop->loop->forget(fd);
    sys::close_descriptor(std::exchange(fd, -1));
}

int file_core::write_out_now() noexcept {
    while (unwritten() != 0) {
        std::uint64_t end = 0;
        std::ptrdiff_t count = 0;
        if (!seekable) {
            count = sys::write_now(fd, buffer.data(), buffer.size());
        } else if (flags.append) {
            count = sys::write_at_end(fd, buffer.data(), buffer.size(), end);
        } else {
            count = sys::write_file_at(fd, buffer.data(), buffer.size(), position - buffer.size());
        }
        if (count < 0) return static_cast<int>(count);
        buffer.erase(0, static_cast<std::size_t>(count));
    }
    return 0;
}

void refuse_file(const file_core* file, const char* call, file_use::need what) {
    if (file == nullptr || file->closed) {
        const std::string name = file == nullptr ? std::string() : " '" + file->path + "'";
        throw invalid_state_error(call + name + ": the file is closed");
    }
    const bool reading = what == file_use::to_read;
    throw invalid_state_error(about(call, file->path) + ": the file was opened with mode '" + file->mode +
                              (reading ? "', which cannot read; use r, or add +"
                                       : "', which cannot write; use w, a or x, or add +"));
}

file_use::file_use(const file_ref& file, const char* call, need what) : file_(file) {
    check_file(file.get(), call, what);
    if (what != any_use && file->flags.direct) {
        throw invalid_state_error(about(call, file->path) +
                                  ": a file opened with direct() has no buffer; use read_at and write_at");
    }
    ++file->in_flight;
}

void file_use::check_open(const char* call) const { check_file(file_.get(), call, any_use); }

}  // namespace bide::detail
