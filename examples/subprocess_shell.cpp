// bide/examples: runs a shell command, feeds its input, prints both outputs and the exit status.
#include <bide/bide.hpp>

#include <iostream>

// [main]
bide::coro<void> async_main() {
    auto options = bide::subprocess_options().stdin_pipe().stdout_pipe().stderr_pipe();
    auto shell = co_await bide::create_subprocess_shell("sort; echo 'that was all' >&2; exit 3", options);

    auto [out, err] = co_await shell.communicate("pear\napple\nfig\n");

    std::cout << "stdout:\n" << out << "stderr:\n" << err << "exit status: " << *shell.returncode() << '\n';
}
// [/main]

int main() { bide::run(async_main()); }
