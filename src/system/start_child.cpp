// bide/system: connect the standard streams of a child, and start it.
#include <bide/future.hpp>

#include <memory>
#include <system_error>

#include "net/pipe_stream.hpp"
#include "os/child_pipes.hpp"
#include "os/sock.hpp"
#include "system/child_process.hpp"
#include "system/system_services.hpp"

namespace bide::detail {

namespace {

// Both ends of the standard streams, until the child has its own.
class child_streams {
public:
    child_streams(const char* call, const child_settings& settings) : call_(call), settings_(settings) {
        if (settings.terminal) {
            open_terminal(*settings.terminal);
        } else {
            for (int which = 0; which < 3; ++which) connect(which);
        }
    }

    [[nodiscard]] std::vector<descriptor_place> places() const {
        std::vector<descriptor_place> all = places_;
        all.insert(all.end(), settings_.descriptors.begin(), settings_.descriptors.end());
        return all;
    }

    // Gives it our ends.
    void attach_to(child_process& child, loop_state& loop) {
        child.has_terminal = settings_.terminal.has_value();
        for (int which = 0; which < 3; ++which) {
            if (!ours_[which]) continue;
            child.sources[which] = make_stream(loop, which);
        }
        if (child.sources[0]) child.in.emplace(child.sources[0]);
        if (child.sources[1]) child.out.emplace(child.sources[1], settings_.limit);
        if (child.sources[2]) child.err.emplace(child.sources[2], settings_.limit);
    }

private:
    void check(int result, const char* what) const {
        if (result < 0)
            throw std::system_error(-result, std::generic_category(), std::string(call_) + ": " + what);
    }

    void connect(int which) {
        const child_stream& wanted = settings_.streams[which];
        switch (wanted.from) {
            case stream_source::inherited: return;
            case stream_source::pipe: {
                const bool input = which == 0;
                check(sys::make_pipe(input ? its_[which] : ours_[which], input ? ours_[which] : its_[which]),
                      "pipe");
                return place(its_[which].get(), which);
            }
            case stream_source::null_device:
                check(sys::open_null(its_[which]), "open /dev/null");
                return place(its_[which].get(), which);
            case stream_source::descriptor: return place(wanted.fd, which);
            case stream_source::standard_output: return place(output_, which);
        }
    }

    void place(int fd, int which) {
        places_.push_back({fd, which});
        if (which == 1) output_ = fd;
    }

    // A reader and a writer need a descriptor each.
    void open_terminal(terminal_size size) {
        check(sys::open_terminal(ours_[1], its_[0]), "open a terminal");
        check(sys::resize_terminal(ours_[1].get(), size.rows, size.columns), "set the size of a terminal");
        check(sys::duplicate(ours_[1].get(), ours_[0]), "open a terminal");
        for (int which = 0; which < 3; ++which) place(its_[0].get(), which);
    }

    stream_ref make_stream(loop_state& loop, int which) {
        const auto kind = settings_.terminal ? sys::stream_kind::terminal : sys::stream_kind::pipe;
        sys::set_non_blocking(ours_[which].get());  // the child's side of a terminal keeps its own mode
        const pipe_end end{ours_[which].get(), kind, false, true};
        stream_ref made(which == 0 ? make_pipe_writer(loop, end) : make_pipe_reader(loop, end));
        static_cast<void>(ours_[which].release());
        return made;
    }

    const char* call_;
    const child_settings& settings_;
    unique_fd ours_[3];
    unique_fd its_[3];
    int output_ = 1;
    std::vector<descriptor_place> places_;
};

}  // namespace

child_ref start_child(const char* call, const std::vector<std::string>& arguments,
                      const child_settings& settings) {
    system_services& services = running_system_services(call);
    auto& loop = static_cast<loop_core&>(current_loop_state(call));
    child_streams streams(call, settings);
    const std::vector<descriptor_place> places = streams.places();
    child_ref child(new child_process(loop));
    streams.attach_to(*child, loop);
    child->begin(services.children,
                 spawn({.call = call, .arguments = arguments, .settings = settings, .descriptors = places}));
    return child;
}

}  // namespace bide::detail
