// bide/base: ready_queue is a FIFO; whole queues move in one step, and removable nodes can leave before their turn.
#include <bide/detail/base/ready_queue.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

namespace {

using bide::detail::ready_node;
using bide::detail::ready_ops;
using bide::detail::ready_queue;
using bide::detail::timer_node;

constexpr ready_ops plain{};
constexpr ready_ops removable{.run = nullptr, .discard = nullptr, .feeds = nullptr, .removable = true};

struct node : timer_node {
    explicit node(const ready_ops& table = plain) : timer_node{} { ops = &table; }
};

using nodes = std::vector<ready_node*>;

nodes pop_all(ready_queue& queue) {
    nodes found;
    while (ready_node* const each = queue.pop()) found.push_back(each);
    return found;
}

TEST(ready_queue, is_a_fifo) {
    ready_queue queue;
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.pop(), nullptr);
    node a, b, c;
    queue.push(a);
    queue.push(b);
    EXPECT_EQ(queue.pop(), &a);
    queue.push(c);
    EXPECT_EQ(pop_all(queue), (nodes{&b, &c}));
    EXPECT_TRUE(queue.empty());
    queue.push(a);
    EXPECT_EQ(pop_all(queue), (nodes{&a}));
}

TEST(ready_queue, takes_over_another_queue) {
    ready_queue one, other;
    node a, b, c, d;
    one.append(other);
    EXPECT_TRUE(one.empty());
    other.push(a);
    one.append(other);
    EXPECT_TRUE(other.empty());
    one.push(b);
    other.push(c);
    other.push(d);
    one.append(other);
    EXPECT_EQ(pop_all(one), (nodes{&a, &b, &c, &d}));
    other.push(a);
    EXPECT_EQ(pop_all(other), (nodes{&a}));
}

TEST(ready_queue, can_be_taken_as_a_chain) {
    ready_queue queue;
    EXPECT_EQ(queue.take_all(), nullptr);
    node a, b;
    queue.push(a);
    queue.push(b);
    ready_node* const chain = queue.take_all();
    EXPECT_EQ(chain, &a);
    EXPECT_EQ(chain->next_ready, &b);
    EXPECT_EQ(b.next_ready, nullptr);
    EXPECT_TRUE(queue.empty());
}

TEST(ready_queue, any_node_can_be_removed) {
    node a, b, c;
    for (node* const leaver : {&a, &b, &c}) {
        ready_queue queue;
        nodes rest;
        for (node* const each : {&a, &b, &c}) {
            queue.push(*each);
            if (each != leaver) rest.push_back(each);
        }
        EXPECT_TRUE(queue.remove(*leaver));
        EXPECT_FALSE(queue.remove(*leaver));
        node last;
        queue.push(last);
        rest.push_back(&last);
        EXPECT_EQ(pop_all(queue), rest);
    }
}

// Two queues as in the loop: `ready` is appended to `batch`, from which nodes are popped.
TEST(ready_queue, removable_nodes_leave_whatever_happened_since) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        std::deque<node> all;
        ready_queue batch, ready;
        std::deque<node*> in_batch, in_ready;
        for (int step = 0; step < 400; ++step) {
            switch (random() % 6) {
                case 0:
                case 1: {
                    const bool can_leave = random() % 2 == 0;
                    node& fresh = all.emplace_back(can_leave ? removable : plain);
                    if (can_leave) {
                        ready.push_removable(fresh);
                    } else {
                        ready.push(fresh);
                    }
                    in_ready.push_back(&fresh);
                    break;
                }
                case 2:
                    if (random() % 4 != 0) break;
                    batch.append(ready);
                    in_batch.insert(in_batch.end(), in_ready.begin(), in_ready.end());
                    in_ready.clear();
                    break;
                case 3:
                case 4: {
                    ready_node* const first = batch.pop();
                    ASSERT_EQ(first, in_batch.empty() ? nullptr : static_cast<ready_node*>(in_batch.front()));
                    if (first != nullptr) in_batch.pop_front();
                    break;
                }
                default: {
                    for (std::deque<node*>* queue : {&in_batch, &in_ready}) {
                        if (queue->empty()) continue;
                        node* const leaver = (*queue)[random() % queue->size()];
                        if (!leaver->ops->removable) continue;
                        ready_queue::take_out(*leaver, batch, ready);
                        queue->erase(std::find(queue->begin(), queue->end(), leaver));
                        break;
                    }
                }
            }
        }
        batch.append(ready);
        in_batch.insert(in_batch.end(), in_ready.begin(), in_ready.end());
        ASSERT_EQ(pop_all(batch), nodes(in_batch.begin(), in_batch.end())) << "seed " << seed;
    }
}

}  // namespace
