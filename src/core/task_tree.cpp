// bide/core: the text that shows all tasks of a loop: who waits for whom, where, and in which rings.
#include <bide/detail/core/call_graph.hpp>

#include <bide/detail/core/task_base.hpp>

#include <algorithm>
#include <unordered_map>

namespace bide::detail {

namespace {

// A report is read by a person: it names this much and counts the rest.
constexpr std::size_t most_tasks = 200;
constexpr std::size_t most_frames = 40;  // of one task, half of them outermost
constexpr std::size_t most_cycles = 10;
constexpr std::size_t most_in_cycle = 20;
constexpr std::size_t deepest_indent = 20;

class task_tree {
public:
    explicit task_tree(loop_state& loop) {
        for (ring_link* at = loop.tasks.after; at != &loop.tasks; at = at->after) {
            const task_base& task = task_base::of(*at);
            if (task.has(flag::internal)) continue;
            index_.emplace(&task, tasks_.size());
            tasks_.push_back(&task);
        }
        awaited_.resize(tasks_.size());
        waits_for_.resize(tasks_.size());
        printed_.resize(tasks_.size());
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            for (const task_base* const each : awaiters_of(*tasks_[i])) {
                const auto at = index_.find(each);
                if (at == index_.end()) continue;
                waits_for_[at->second].push_back(i);
                awaited_[i] = true;
            }
        }
    }

    std::string print() {
        for (std::size_t i = 0; i < tasks_.size(); ++i) {
            if (!awaited_[i]) print_task(i, 0);
        }
        for (std::size_t i = 0; i < tasks_.size(); ++i) {  // what is left is part of a cycle, or below one
            if (!printed_[i]) print_task(i, 0);
        }
        if (tasks_.size() > count_) text_ += "... and " + std::to_string(tasks_.size() - count_) + " more\n";
        find_cycles();
        return text_;
    }

private:
    void print_task(std::size_t index, std::size_t depth) {
        if (count_ == most_tasks) return;
        const std::string indent(std::min(depth, deepest_indent) * 4, ' ');
        const task_base& task = *tasks_[index];
        text_ += indent + "task '" + task_name(task) + "' waits for " + what_it_waits_for(task);
        if (printed_[index]) {
            text_ += " (see above)\n";
            return;
        }
        printed_[index] = true;
        ++count_;
        text_ += "\n";
        std::vector<frame_place> frames = frames_of(task);
        std::reverse(frames.begin(), frames.end());
        for (std::size_t i = 0; i < frames.size(); ++i) {
            if (i == most_frames / 2 && frames.size() > most_frames) {
                text_ +=
                    indent + "  ... " + std::to_string(frames.size() - most_frames) + " more frames ...\n";
                i = frames.size() - most_frames / 2;
            }
            const frame_place& each = frames[i];
            text_ +=
                indent + "  at " + each.function + " (" + each.file + ":" + std::to_string(each.line) + ")\n";
        }
        for (const std::size_t each : waits_for_[index]) print_task(each, depth + 1);
    }

    // Depth first, without recursion: chains of tasks may be long. A task that is met again while it is still on the
    // way there closes a cycle.
    void find_cycles() {
        struct place {
            std::size_t task;
            std::size_t next;  // of those that it waits for
        };
        enum : char { unseen, on_the_way, seen };
        std::vector<char> state(tasks_.size(), unseen);
        std::vector<place> way;
        for (std::size_t from = 0; from < tasks_.size(); ++from) {
            if (state[from] != unseen) continue;
            way.push_back({from, 0});
            state[from] = on_the_way;
            while (!way.empty()) {
                place& last = way.back();
                if (last.next == waits_for_[last.task].size()) {
                    state[last.task] = seen;
                    way.pop_back();
                    continue;
                }
                const std::size_t to = waits_for_[last.task][last.next++];
                if (state[to] == unseen) {
                    state[to] = on_the_way;
                    way.push_back({to, 0});
                } else if (state[to] == on_the_way) {
                    std::vector<std::size_t> ring;
                    for (std::size_t i = way.size(); i-- > 0 && (ring.empty() || ring.back() != to);) {
                        ring.push_back(way[i].task);
                    }
                    std::reverse(ring.begin(), ring.end());
                    print_cycle(ring);
                }
            }
        }
    }

    void print_cycle(const std::vector<std::size_t>& ring) {
        if (++cycles_ > most_cycles) return;
        text_ += "cycle:";
        for (std::size_t i = 0; i < ring.size() && i < most_in_cycle; ++i) {
            text_ += " '" + task_name(*tasks_[ring[i]]) + "' ->";
        }
        if (ring.size() > most_in_cycle)
            text_ += " ... " + std::to_string(ring.size() - most_in_cycle) + " more ... ->";
        text_ += " '" + task_name(*tasks_[ring.front()]) + "'\n";
    }

    std::vector<const task_base*> tasks_;
    std::unordered_map<const task_base*, std::size_t> index_;
    std::vector<std::vector<std::size_t>> waits_for_;
    std::vector<bool> awaited_;
    std::vector<bool> printed_;
    std::size_t count_ = 0;
    std::size_t cycles_ = 0;
    std::string text_;
};

}  // namespace

std::string format_task_tree(loop_state& loop) { return task_tree(loop).print(); }

}  // namespace bide::detail
