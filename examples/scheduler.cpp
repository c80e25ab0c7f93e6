// bide/examples: three tasks take turns by hand.
#include <bide/bide.hpp>

#include <iostream>

struct game {
    bide::scheduler turns;
    bide::any_task alice;
    bide::any_task bob;
    bide::any_task carol;
};

bide::coro<void> play_alice(game& g) {
    std::cout << "Alice begins and switches to Carol\n";
    co_await g.turns.switch_to(g.carol);  // Bob was next, but has to wait
    std::cout << "Alice goes on and ends\n";
}

bide::coro<void> play_bob(game& g) {
    std::cout << "Bob begins and resumes both others\n";
    g.turns.resume_task(g.carol);
    g.turns.resume_task(g.alice);
    std::cout << "Bob still has his turn, and ends\n";
    co_return;
}

bide::coro<void> play_carol(game& g) {
    std::cout << "Carol begins and pauses\n";
    co_await g.turns.pause();
    std::cout << "Carol goes on and ends\n";
}

int main() {
    game g;
    g.alice = g.turns.start_new_task(play_alice(g));
    g.bob = g.turns.start_new_task(play_bob(g));
    g.carol = g.turns.start_new_task(play_carol(g));
    g.turns.run();
}
