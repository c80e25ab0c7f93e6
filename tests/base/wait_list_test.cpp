// bide/base: wait_list is a FIFO from which any node can leave.
#include <bide/detail/base/wait_list.hpp>

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <vector>

namespace {

using bide::detail::wait_list;
using bide::detail::wait_node;

std::vector<const wait_node*> order(const wait_list& list) {
    std::vector<const wait_node*> found;
    for (const wait_node* node = list.front(); node != nullptr; node = list.after(*node))
        found.push_back(node);
    return found;
}

using nodes = std::vector<const wait_node*>;

TEST(wait_list, is_a_fifo) {
    wait_list list;
    EXPECT_TRUE(list.empty());
    EXPECT_EQ(list.pop_front(), nullptr);
    wait_node a{}, b{}, c{};
    for (wait_node* const node : {&a, &b, &c}) list.push_back(*node);
    EXPECT_EQ(order(list), (nodes{&a, &b, &c}));
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_FALSE(a.linked());
    EXPECT_TRUE(b.linked());
    list.push_back(a);
    EXPECT_EQ(order(list), (nodes{&b, &c, &a}));
}

TEST(wait_list, lets_one_in_at_the_front) {
    wait_list list;
    wait_node a{}, b{};
    list.push_front(a);
    list.push_front(b);
    EXPECT_EQ(order(list), (nodes{&b, &a}));
}

TEST(wait_list, any_node_can_leave) {
    wait_node a{}, b{}, c{};
    for (wait_node* const leaver : {&a, &b, &c}) {
        wait_list list;
        nodes rest;
        for (wait_node* const node : {&a, &b, &c}) {
            list.push_back(*node);
            if (node != leaver) rest.push_back(node);
        }
        list.remove(*leaver);
        EXPECT_FALSE(leaver->linked());
        EXPECT_EQ(order(list), rest);
        while (list.pop_front() != nullptr) {}
        EXPECT_TRUE(list.empty());
    }
}

TEST(wait_list, the_last_node_may_leave) {
    wait_list list;
    wait_node a{};
    list.push_back(a);
    list.remove(a);
    EXPECT_TRUE(list.empty());
    list.push_back(a);
    EXPECT_EQ(list.pop_front(), &a);
}

TEST(wait_list, can_be_moved_as_plain_memory) {  // a table of lists grows
    std::vector<wait_list> table(1);
    wait_node a{}, b{};
    table[0].push_back(a);
    table[0].push_back(b);
    table.resize(100);
    EXPECT_EQ(order(table[0]), (nodes{&a, &b}));
    table[0].remove(a);
    EXPECT_EQ(order(table[0]), (nodes{&b}));
}

TEST(wait_list, behaves_like_a_list_whatever_is_done_to_it) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937 random(seed);
        std::vector<wait_node> all(12);
        wait_list list;
        std::list<wait_node*> model;
        for (int step = 0; step < 2000; ++step) {
            wait_node& node = all[random() % all.size()];
            if (node.linked()) {
                if (random() % 3 == 0) {
                    ASSERT_EQ(list.pop_front(), model.front());
                    model.pop_front();
                } else {
                    list.remove(node);
                    model.remove(&node);
                }
            } else if (random() % 4 == 0) {
                list.push_front(node);
                model.push_front(&node);
            } else {
                list.push_back(node);
                model.push_back(&node);
            }
            ASSERT_EQ(order(list), nodes(model.begin(), model.end())) << "seed " << seed;
        }
    }
}

}  // namespace
