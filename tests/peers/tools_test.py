"""checksum beside sha256sum, and parallel beside xargs."""

import os
import subprocess

import peers
from peers import EXAMPLES, LIMIT, Folder, equal, needed


def run(*command, text="", **options):
    done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=LIMIT, **options)
    return done.returncode, done.stdout


def tool(name):
    return os.path.join(EXAMPLES, name)


def checksum_says_what_sha256sum_says():
    with Folder() as folder:
        names = ["a.txt", "b/empty", "b/two words", "b/c/line\nbreak", "b/c/back\\slash", "b/c/return\r", "b-c", "é"]
        for number, name in enumerate(names):
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(bytes(range(256)) * number * 777)
        os.symlink("a.txt", os.path.join(folder, "link"))
        os.symlink("nowhere", os.path.join(folder, "b/broken"))
        os.mkfifo(os.path.join(folder, "fifo"))
        names.sort(key=os.fsencode)
        wanted = run(needed("sha256sum"), "--", *names, cwd=folder)
        equal(wanted[0], 0)
        equal(run(tool("checksum"), folder), wanted)


def checksum_goes_on_after_a_file_that_cannot_be_read():
    with Folder() as folder:
        with open(os.path.join(folder, "a"), "w") as file:
            file.write("hello\n")
        status, _ = run(tool("checksum"), os.path.join(folder, "nowhere"))
        assert status != 0
        status, out = run(tool("checksum"), folder)
        equal(status, 0)
        equal(out[-3:], b" a\n")


COMMANDS = "\n".join(f"sleep 0.0{9 - n % 10}; echo {n}; echo e{n} >&2" for n in range(20)) + "\n"


def parallel_keeps_the_order():
    for at_once in ("1", "7", "50"):
        status, out = run(tool("parallel"), at_once, text=COMMANDS)
        equal(status, 0)
        equal(out.decode().split(), [str(n) for n in range(20)], at_once)


def parallel_ends_as_xargs_does():
    for failing in ("exit 0", "exit 1", "exit 126", "no-such-program", "exit 255", "kill -TERM $$"):
        text = f"echo one\n{failing}\necho three\n"
        wanted = run(needed("xargs"), "-d", "\n", "-I{}", "sh", "-c", "{}", text=text)
        equal(run(tool("parallel"), "1", text=text), wanted, failing)


def parallel_runs_as_many_at_once_as_it_is_told():
    with Folder() as folder:
        # Each waits until all four are there: fewer at once would wait for ever.
        text = f"touch {folder}/$$; while [ $(ls {folder} | wc -l) -lt 4 ]; do sleep 0.01; done\n" * 4
        equal(run(tool("parallel"), "4", text=text), (0, b""))


peers.run(checksum_says_what_sha256sum_says, checksum_goes_on_after_a_file_that_cannot_be_read,
          parallel_keeps_the_order, parallel_ends_as_xargs_does, parallel_runs_as_many_at_once_as_it_is_told)
