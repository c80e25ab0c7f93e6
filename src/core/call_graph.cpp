// bide/core: who waits for whom, and where.
#include <bide/detail/core/call_graph.hpp>

#include <bide/detail/core/promise.hpp>

#include <algorithm>
#include <string_view>

namespace bide::detail {

namespace {

frame_place place_of(const promise_base& promise) {
    const std::source_location where = promise.where();
    return {where.file_name(), where.function_name(), where.line()};
}

void add_awaiters(const future_core& what, std::vector<task_base*>& found, int depth) {
    constexpr int deepest = 64;  // futures that feed each other in a ring must not hang the report
    if (depth > deepest) return;
    for (wait_node* node = what.waiters.front(); node != nullptr; node = what.waiters.after(*node)) {
        if (node->ops->run == run_task) {
            auto* const task = static_cast<task_base*>(static_cast<timer_node*>(node));
            if (std::find(found.begin(), found.end(), task) == found.end()) found.push_back(task);
        } else if (node->ops->feeds != nullptr) {
            if (const void* const fed = node->ops->feeds(*node)) {
                add_awaiters(*static_cast<const future_core*>(fed), found, depth + 1);
            }
        }
    }
}

// "coro<int> fetch(std::string)" is shown as "fetch".
std::string short_name(std::string_view signature) {
    std::size_t end = signature.find('(');
    if (end == std::string_view::npos) end = signature.size();
    // A lambda or a function in an anonymous namespace has parentheses before its parameters.
    while (end + 1 < signature.size() && signature.compare(end, 11, "(anonymous ") == 0) {
        end = signature.find('(', end + 1);
        if (end == std::string_view::npos) end = signature.size();
    }
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t i = 0; i < end; ++i) {
        if (signature[i] == '<') ++depth;
        if (signature[i] == '>') --depth;
        if (signature[i] == ' ' && depth == 0 && signature.compare(i + 1, 9, "namespace") != 0) begin = i + 1;
    }
    const std::string_view name = signature.substr(begin, end - begin);
    return std::string(name.empty() ? signature : name);
}

std::vector<task_base*> all_of(loop_state& loop) {
    std::vector<task_base*> all;
    for (ring_link* at = loop.tasks.after; at != &loop.tasks; at = at->after) all.push_back(&task_base::of(*at));
    return all;
}

class tree_printer {
public:
    explicit tree_printer(loop_state& loop) : tasks_(all_of(loop)), printed_(tasks_.size()) {
        for (const task_base* task : tasks_) awaiters_.push_back(awaiters_of(*task));
    }

    std::string print() {
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (awaiters_[i].empty()) print_task(i, 0);
        }
        for (std::size_t i = 0; i < tasks_.size(); ++i) {  // what is left is part of a cycle, or below one
            if (printed_[i]) continue;
            find_cycle(i);
            print_task(i, 0);
        }
        return text_ + cycles_;
    }

private:
    void print_task(std::size_t index, int depth) {
        const std::string indent(static_cast<std::size_t>(depth) * 4, ' ');
        const task_base& task = *tasks_[index];
        text_ += indent + "task '" + task_name(task) + "' waits for " + what_it_waits_for(task);
        if (printed_[index]) {
            text_ += " (see above)\n";
            return;
        }
        printed_[index] = true;
        text_ += "\n";
        std::vector<frame_place> frames = frames_of(task);
        std::reverse(frames.begin(), frames.end());
        for (const frame_place& each : frames) {
            text_ += indent + "  at " + each.function + " (" + each.file + ":" + std::to_string(each.line) + ")\n";
        }
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (waits_for(task, i)) print_task(i, depth + 1);
        }
    }

    bool waits_for(const task_base& task, std::size_t index) const {
        const auto& by = awaiters_[index];
        return std::find(by.begin(), by.end(), &task) != by.end();
    }

    // Follows who waits for `from` until somebody comes up twice.
    void find_cycle(std::size_t from) {
        std::vector<std::size_t> path;
        std::size_t at = from;
        while (std::find(path.begin(), path.end(), at) == path.end()) {
            path.push_back(at);
            if (awaiters_[at].empty()) return;
            const auto next = std::find(tasks_.begin(), tasks_.end(), awaiters_[at].front());
            if (next == tasks_.end()) return;
            at = static_cast<std::size_t>(next - tasks_.begin());
        }
        path.erase(path.begin(), std::find(path.begin(), path.end(), at));
        std::reverse(path.begin(), path.end());
        cycles_ += "cycle:";
        for (const std::size_t each : path) cycles_ += " '" + task_name(*tasks_[each]) + "' ->";
        cycles_ += " '" + task_name(*tasks_[path.front()]) + "'\n";
    }

    std::vector<task_base*> tasks_;
    std::vector<std::vector<task_base*>> awaiters_;
    std::vector<bool> printed_;
    std::string text_;
    std::string cycles_;
};

}  // namespace

std::vector<frame_place> frames_from(void* innermost) {
    std::vector<frame_place> frames;
    for (void* frame = innermost; frame != nullptr;) {
        const promise_base& promise = promise_base::of(frame);
        frame_place place = place_of(promise);
        place.function = short_name(place.function);
        // bide's own frames say nothing to the user, unless there is nothing else.
        if (place.function.rfind("bide::detail::", 0) != 0) frames.push_back(std::move(place));
        frame = promise.awaiting_frame();
    }
    if (frames.empty() && innermost != nullptr) frames.push_back(place_of(promise_base::of(innermost)));
    return frames;
}

std::vector<frame_place> frames_of(const task_base& task) {
    if (task.has(flag::done) || task.frame == nullptr || task.loop->current == &task) return {};
    return frames_from(task.frame);
}

std::vector<task_base*> awaiters_of(const future_core& what) {
    std::vector<task_base*> found;
    add_awaiters(what, found, 0);
    return found;
}

std::string what_it_waits_for(const task_base& task) {
    if (task.loop->current == &task) return "nothing, it is running";
    if (task.waiting_on == nullptr) return "its turn";
    const wait& what = *task.waiting_on;
    const future_core* const awaited = what.kind->awaited == nullptr ? nullptr : what.kind->awaited(what);
    if (awaited == nullptr) return what.kind->name;
    if (awaited->has(flag::is_task)) return "task '" + task_name(static_cast<const task_base&>(*awaited)) + "'";
    return static_cast<const plain_future&>(*awaited).ops->name;
}

std::string format_task_tree(loop_state& loop) { return tree_printer(loop).print(); }

}  // namespace bide::detail
