// bide/tests: the main function that all tests share.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

// BIDE_SHUFFLE=random stands for a seed chosen now; the line printed repeats the run.
static void choose_seed() {
    const char* const shuffle = std::getenv("BIDE_SHUFFLE");
    if (shuffle == nullptr || std::string_view(shuffle) != "random") return;
    const std::string seed = std::to_string(std::random_device{}() | 1U);  // 0 would mean no shuffling
    setenv("BIDE_SHUFFLE", seed.c_str(), 1);
    std::printf("ready queue shuffled; to repeat: BIDE_SHUFFLE=%s\n", seed.c_str());
    std::fflush(stdout);  // a crash must not swallow it
}

int main(int argc, char** argv) {
    choose_seed();
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
