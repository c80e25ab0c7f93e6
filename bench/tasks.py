# bide/bench: the rows about tasks, timers, threads and locks: each program runs n operations and prints what one took.
import dataclasses
import os
import re
import subprocess
from pathlib import Path

from table import Contender, Target, chosen, rotated

LINE = re.compile(r"^\S+ n=(\d+) [\d.]+ s ([\d.]+) ns each rss (\d+) KiB \(\d+ B each\)$", re.M)
PYTHON = {"asyncio": 20, "uvloop": 20}
PEER_MODES = {"condvar held": "to_thread_held", "pread cached only": "cached_only"}  # where it is not bide's
DIRECT_FILE = str(Path(__file__).resolve().parent.parent / "build" / "bench-direct.bin")  # made by whoever comes first


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    program: str
    n: int
    peers: str  # labels, separated by commas
    target: Target | None = None
    mode: str = ""  # where the mode is not the name
    extra: tuple = ()  # further arguments of every program
    unit: str = "ns"
    processors: int = 1
    both_backends: bool = False
    divide: dict = dataclasses.field(default_factory=dict)  # peers too slow for n run n / divide[peer]
    rounds: int = 100  # at most
    kind = "tasks"

    @property
    def targets(self):
        return (self.target,) if self.target else ()

    def labels(self, options):
        labels = self.peers.split(",")
        if options.gcc and "asio" in labels:
            labels.insert(labels.index("asio") + 1, "asio gcc")
        return labels

    def measure(self, commands, options):
        contenders = contenders_for(self, commands, options)
        processors = pin(self.processors)
        for turn in range(min(options.rounds, self.rounds)):
            for contender in rotated(contenders, turn):
                run(contender, self.unit, processors)
        return contenders, f"n={self.operations(options)}, cpu {processors}"

    def operations(self, options):
        return max(1, self.n // options.divide)


ROWS = [
    Row("call", "await a child coroutine", "bench_tasks", 10_000_000, "asio,asyncio",
        Target(0.6, ("asio",), gcc_limit=1.0), divide=PYTHON),
    Row("yield", "give way to the loop once", "bench_tasks", 5_000_000, "asio,go,tokio,asyncio,uvloop",
        Target(0.2, ("asio", "go")), both_backends=True, divide=PYTHON),
    Row("spawn", "start a task and join it", "bench_tasks", 2_000_000, "asio,go,tokio,asyncio,uvloop",
        Target(0.35, ("tokio",)), both_backends=True, divide=PYTHON),
    # Memory hardly varies, so three rounds; Go and Python need longer than the sleep to start a million.
    Row("sleep", "a million sleeping tasks, memory each", "bench_tasks", 1_000_000, "asio,go,tokio,asyncio",
        Target(200, gcc_limit=240), extra=("4",), unit="B", divide={"asyncio": 10, "go": 5}, rounds=3),
    Row("timers", "start and cancel a timer while a million are live", "bench_loop", 1_000_000,
        "asio,libuv,go,tokio,asyncio,uvloop", Target(0.3, ("asio", "libuv")), divide={"asyncio": 5, "uvloop": 5}),
    Row("threadsafe", "a burst of calls from another thread", "bench_loop", 1_000_000,
        "asio,libuv,go,tokio,asyncio,uvloop", Target(0.8, ("asio",)), processors=2, both_backends=True,
        divide=PYTHON),
    Row("to_thread", "a call on a worker thread and back, two processors", "bench_exec", 20_000,
        "condvar,condvar held,tokio,asyncio", Target(1.2, ("condvar",)), processors=2, both_backends=True,
        divide={"asyncio": 4}),
    Row("to_thread_one_cpu", "the same on one processor", "bench_exec", 100_000,
        "condvar,condvar held,tokio,asyncio", Target(1.2, ("condvar",)), mode="to_thread", both_backends=True,
        divide={"asyncio": 10}),
    Row("pool_call", "a call with 64 B in a worker process and back, two processors", "bench_process_pool", 50_000,
        "socketpair,asyncio pool", Target(1.2, ("socketpair",)), processors=2, both_backends=True,
        divide={"asyncio pool": 10}),
    Row("pool_call_one_cpu", "the same on one processor", "bench_process_pool", 50_000, "socketpair,asyncio pool",
        Target(1.2, ("socketpair",)), mode="pool_call", both_backends=True, divide={"asyncio pool": 10}),
    Row("pool_many", "calls with 64 B, a thousand at once, each", "bench_process_pool", 500_000, "asyncio pool",
        Target(1000), processors=2, both_backends=True, divide={"asyncio pool": 50}),
    Row("pool_map", "the same as map with chunks of 64", "bench_process_pool", 500_000, "asyncio pool",
        processors=2, both_backends=True, divide={"asyncio pool": 10}),
    Row("pool_mib", "a call with 1 MiB there and back", "bench_process_pool", 1_000, "socketpair,asyncio pool",
        processors=2, both_backends=True),
    Row("pool_view", "a call with 1 MiB that the worker only reads", "bench_process_pool", 1_000, "asyncio pool",
        processors=2, both_backends=True),
    Row("subprocess", "start a program that does nothing and wait for its end", "bench_spawn", 1_000,
        "posix_spawn,go,asyncio", Target(1.1, ("posix_spawn",)), mode="spawn_wait", both_backends=True),
    Row("subprocess_cat", "a MiB through cat and back, two processors", "bench_spawn", 256, "poll loop,asyncio",
        mode="cat", processors=2, both_backends=True),
    # What may not block can at best be as fast as a call that does not.
    Row("file_cached", "4 KiB at random from the page cache", "bench_files", 1_000_000, "pread,pread cached only",
        Target(1.1, ("pread cached only",)), mode="cached"),
    # Seen the other way round: 0.95 times fio's reads per second.
    Row("file_direct", "4 KiB at random past the page cache, 32 at a time", "bench_files", 100_000, "fio",
        Target(1.05, ("fio",), of="io_uring"), mode="direct", extra=(DIRECT_FILE,), both_backends=True),
    Row("file_small", "one of many small files opened, read and closed", "bench_files", 100_000, "pread,go,asyncio",
        mode="small", processors=2, both_backends=True, divide={"asyncio": 10}),
    Row("call_soon", "a callback that schedules the next one", "bench_loop", 3_000_000,
        "asio,libuv,asyncio,uvloop", divide=PYTHON),
    Row("lock", "acquire and release an uncontended lock", "bench_sync", 10_000_000, "go,tokio,asyncio",
        divide=PYTHON),
    Row("queue", "an item through a bounded queue between two tasks", "bench_sync", 5_000_000, "go,tokio,asyncio",
        divide=PYTHON),
]  # fmt: skip


def run(contender, unit, processors):
    if contender.failure:
        return
    try:
        done = subprocess.run(["taskset", "-c", processors, *contender.command], capture_output=True, text=True,
                              timeout=120, env={**os.environ, **contender.environment})  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        contender.failure = str(error)
        return
    found = LINE.search(done.stdout)
    if done.returncode != 0 or not found:
        said = (done.stderr or done.stdout).strip().splitlines()
        contender.failure = f"exit {done.returncode}: {said[0] if said else 'no output'}"
    elif unit == "B":
        contender.values.append(int(found[3]) * 1024 / int(found[1]))
    else:
        contender.values.append(float(found[2]))


def pin(processors):
    """The CPU list for one or two processors: single-threaded work goes to CPU 1, away from interrupts on CPU 0."""
    allowed = sorted(os.sched_getaffinity(0))
    if processors == 1:
        return str(allowed[min(1, len(allowed) - 1)])
    return ",".join(str(cpu) for cpu in allowed[:2])


def contenders_for(row, commands, options):
    n = row.operations(options)
    mode = row.mode or row.name
    found = []
    for label, folder in options.builds:
        command = [str(folder / row.program), mode, str(n), *row.extra]
        failure = "" if (folder / row.program).exists() else f"{row.program} is not built"
        if row.both_backends:
            for backend in ("epoll", "io_uring"):
                found.append(Contender(f"{label} {backend}", command, n, {"BIDE_BACKEND": backend}, failure=failure))
        else:
            found.append(Contender(label, command, n, failure=failure))
    for label in row.labels(options):
        if label in commands:
            peer_n = max(1, n // row.divide.get(label, 1))
            peer_mode = PEER_MODES.get(label, mode)
            note = "" if peer_n == n else f"n={peer_n}"
            found.append(Contender(label, [*commands[label], peer_mode, str(peer_n), *row.extra], peer_n, note=note))
    return chosen(found, options)
