// bide/introspect: what a running program waits for, as data and as text.
#include <bide/introspect.hpp>

#include <algorithm>

namespace bide {

call_graph::call_graph(std::string name, std::string waits_for,
                       std::vector<frame_call_graph_entry> call_stack, std::vector<call_graph> awaited_by)
    : name_(std::move(name)),
      waits_for_(std::move(waits_for)),
      call_stack_(std::move(call_stack)),
      awaited_by_(std::move(awaited_by)) {}

namespace {

using detail::task_base;

call_graph build(const task_base& task, std::vector<frame_call_graph_entry> stack,
                 std::vector<const task_base*>& above) {
    std::vector<call_graph> awaited_by;
    above.push_back(&task);
    for (const task_base* const each : detail::awaiters_of(task)) {
        if (std::find(above.begin(), above.end(), each) != above.end()) continue;
        awaited_by.push_back(build(*each, detail::frames_of(*each), above));
    }
    above.pop_back();
    return call_graph(detail::task_name(task), detail::what_it_waits_for(task), std::move(stack),
                      std::move(awaited_by));
}

void append(std::string& text, const call_graph& graph, std::size_t depth) {
    const std::string indent(depth * 4, ' ');
    text += indent + "* task '" + graph.name() + "' waits for " + graph.waits_for() + "\n";
    if (!graph.call_stack().empty()) text += indent + "  + call stack:\n";
    for (const frame_call_graph_entry& each : graph.call_stack()) {
        text +=
            indent + "  |   " + each.function + " (" + each.file + ":" + std::to_string(each.line) + ")\n";
    }
    if (!graph.awaited_by().empty()) text += indent + "  + awaited by:\n";
    for (const call_graph& each : graph.awaited_by()) append(text, each, depth + 1);
}

}  // namespace

call_graph capture_call_graph(const any_task& task) {
    const task_base& core = detail::as_task(task.core());
    std::vector<const task_base*> above;
    return build(core, detail::frames_of(core), above);
}

call_graph detail::graph_of_running(void* frame) {
    std::vector<const task_base*> above;
    return build(running_task(), frames_from(frame), above);
}

std::string format_call_graph(const call_graph& graph) {
    std::string text;
    append(text, graph, 0);
    return text;
}

void print_call_graph(const call_graph& graph, std::FILE* to) {
    const std::string text = format_call_graph(graph);
    std::fwrite(text.data(), 1, text.size(), to);
}

std::string format_task_tree(event_loop& loop) { return detail::format_task_tree(loop.state()); }

}  // namespace bide
