// bide/core: where one task is suspended.
#include <bide/detail/core/call_graph.hpp>
#include <bide/task.hpp>

#include <algorithm>

namespace bide::detail {

std::vector<frame_place> task_stack(task_base& task, std::size_t limit) {
    std::vector<frame_place> frames = frames_of(task);
    if (frames.size() > limit) frames.resize(limit);
    std::reverse(frames.begin(), frames.end());
    return frames;
}

std::string task_stack_text(task_base& task, std::size_t limit) {
    std::string text;
    for (const frame_place& each : task_stack(task, limit)) {
        text += "  at " + each.function + " (" + each.file + ":" + std::to_string(each.line) + ")\n";
    }
    return text;
}

}  // namespace bide::detail
