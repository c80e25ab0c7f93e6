# bide/bench: runs bide and its peers side by side and says which targets are met; `./dev bench` calls it.
import argparse
import dataclasses
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import build as peer_programs  # noqa: E402

LINE = re.compile(r"^\S+ n=(\d+) [\d.]+ s ([\d.]+) ns each rss (\d+) KiB \(\d+ B each\)$", re.M)


@dataclasses.dataclass(frozen=True)
class Target:
    limit: float  # a ratio to the best of `peers`, or an absolute figure if there are none
    peers: tuple = ()
    gcc_limit: float = 0  # for the binaries of GCC 12, where design and compiler allow them more

    def limit_for(self, label):
        return self.gcc_limit if self.gcc_limit and "gcc" in label else self.limit

    def peers_for(self, label):
        return tuple("asio gcc" if peer == "asio" and "gcc" in label else peer for peer in self.peers)

    def text(self, unit):
        if not self.peers:
            return f"<= {self.limit:g} {unit}"
        best = "" if len(self.peers) == 1 else "the best of "
        return f"<= {self.limit:g}x {best}{', '.join(self.peers)}"


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


PYTHON = {"asyncio": 20, "uvloop": 20}
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
    Row("call_soon", "a callback that schedules the next one", "bench_loop", 3_000_000,
        "asio,libuv,asyncio,uvloop", divide=PYTHON),
    Row("lock", "acquire and release an uncontended lock", "bench_sync", 10_000_000, "go,tokio,asyncio",
        divide=PYTHON),
    Row("queue", "an item through a bounded queue between two tasks", "bench_sync", 5_000_000, "go,tokio,asyncio",
        divide=PYTHON),
]  # fmt: skip


@dataclasses.dataclass
class Contender:
    label: str
    command: list
    n: int
    environment: dict = dataclasses.field(default_factory=dict)
    values: list = dataclasses.field(default_factory=list)
    failure: str = ""

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def is_bide(self):
        return self.label.startswith("bide")

    def run(self, unit, processors):
        if self.failure:
            return
        try:
            done = subprocess.run(["taskset", "-c", processors, *self.command], capture_output=True, text=True,
                                  timeout=120, env={**os.environ, **self.environment})  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            self.failure = str(error)
            return
        found = LINE.search(done.stdout)
        if done.returncode != 0 or not found:
            said = (done.stderr or done.stdout).strip().splitlines()
            self.failure = f"exit {done.returncode}: {said[0] if said else 'no output'}"
        elif unit == "B":
            self.values.append(int(found[3]) * 1024 / int(found[1]))
        else:
            self.values.append(float(found[2]))


def pin(processors):
    """The CPU list for one or two processors: single-threaded work goes to CPU 1, away from interrupts on CPU 0."""
    allowed = sorted(os.sched_getaffinity(0))
    if processors == 1:
        return str(allowed[min(1, len(allowed) - 1)])
    return ",".join(str(cpu) for cpu in allowed[:2])


def contenders_for(row, commands, options):
    n = max(1, row.n // options.divide)
    mode = row.mode or row.name
    found = []
    builds = [("bide", options.binaries)] + ([("bide gcc", options.gcc_binaries)] if options.gcc else [])
    for label, folder in builds:
        command = [str(folder / row.program), mode, str(n), *row.extra]
        failure = "" if (folder / row.program).exists() else f"{row.program} is not built"
        if row.both_backends:
            for backend in ("epoll", "io_uring"):
                found.append(Contender(f"{label} {backend}", command, n, {"BIDE_BACKEND": backend}, failure=failure))
        else:
            found.append(Contender(label, command, n, failure=failure))
    peers = row.peers.split(",")
    if options.gcc and "asio" in peers:
        peers.insert(peers.index("asio") + 1, "asio gcc")
    for label in peers:
        if label in commands:
            peer_n = max(1, n // row.divide.get(label, 1))
            peer_mode = "to_thread_held" if label == "condvar held" else mode
            found.append(Contender(label, [*commands[label], peer_mode, str(peer_n), *row.extra], peer_n))
    return found


def measure(row, commands, options):
    contenders = contenders_for(row, commands, options)
    processors = pin(row.processors)
    for turn in range(min(options.rounds, row.rounds)):
        shift = turn % len(contenders)  # nobody always runs first, or always after the same neighbour
        for contender in contenders[shift:] + contenders[:shift]:
            contender.run(row.unit, processors)
    return contenders, processors


def verdicts(row, contenders, quick):
    """One line for each bide variant: its figure against the target, and whether that is met."""
    by_label = {c.label: c for c in contenders if c.values}
    lines = []
    if quick:  # too few repetitions to judge by
        return lines
    for ours in (c for c in contenders if row.target and c.is_bide and c.values):
        limit = row.target.limit_for(ours.label)
        reached, against = ours.median, row.unit
        if row.target.peers:
            wanted = row.target.peers_for(ours.label)
            rivals = [by_label[label] for label in wanted if label in by_label]
            if not rivals:
                continue
            best = min(rivals, key=lambda c: c.median)
            absent = "" if len(rivals) == len(wanted) else " (not all peers ran)"
            reached, against = ours.median / best.median, f"x {best.label}{absent}"
        verdict = "MET" if reached <= limit else "MISSED"
        lines.append({"label": ours.label, "reached": reached, "against": against, "limit": limit, "verdict": verdict})
    return lines


def print_row(row, contenders, processors, lines):
    ours = [c for c in contenders if c.is_bide and c.values]
    print(f"\n{row.name}: {row.title}  (n={contenders[0].n}, cpu {processors})")
    heads = "".join(f"{c.label + '/it':>22}" for c in ours)
    print(f"  {'':18}{'median':>12}{'min .. max':>24}{heads}")
    for c in contenders:
        if not c.values:
            print(f"  {c.label:18}  not run: {c.failure}")
            continue
        spread = f"{min(c.values):.1f} .. {max(c.values):.1f}"
        ratios = "" if c.is_bide else "".join(f"{o.median / c.median:>21.2f}x" for o in ours)
        other_n = "" if c.n == contenders[0].n else f"  n={c.n}"
        print(f"  {c.label:18}{c.median:>9.1f} {row.unit:2}{spread:>24}{ratios}{other_n}")
    for line in lines:
        print(f"  {line['label']}: {line['reached']:.2f} {line['against']}, "
              f"target <= {line['limit']:g}: {line['verdict']}")  # fmt: skip
    if row.target and not lines:
        print(f"  target {row.target.text(row.unit)}: not judged")
    sys.stdout.flush()


def as_json(row, contenders, lines):
    return {
        "row": row.name,
        "title": row.title,
        "unit": row.unit,
        "target": row.target.text(row.unit) if row.target else None,
        "verdicts": lines,
        "contenders": [
            {"label": c.label, "n": c.n, "failure": c.failure or None, "values": c.values,
             "median": c.median if c.values else None}
            for c in contenders
        ],
    }  # fmt: skip


def parse_options():
    parser = argparse.ArgumentParser(description="Runs bide and its peers side by side.")
    parser.add_argument("filter", nargs="*", help="a row, or words in the names of several; all without any")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of each program (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: checks that everything runs")
    parser.add_argument("--gcc", action="store_true", help="also run the binaries of the gcc preset")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bench")
    parser.add_argument("--gcc-binaries", type=Path, default=ROOT / "build" / "release-gcc" / "bench")
    options = parser.parse_args()
    options.divide = 100 if options.quick else 1
    options.rounds = 1 if options.quick else options.rounds
    return options


def main():
    options = parse_options()
    names = {row.name for row in ROWS}
    rows = [
        row for row in ROWS
        if not options.filter
        or any(word == row.name or (word not in names and word in row.name) for word in options.filter)
    ]  # fmt: skip
    if not rows:
        sys.exit(f"no such row; there are: {', '.join(row.name for row in ROWS)}")
    labels = list(dict.fromkeys(label for row in rows for label in row.peers.split(",")))
    if options.gcc and "asio" in labels:
        labels.append("asio gcc")
    commands, missing = peer_programs.build_all(ROOT / "build" / "bench-peers", labels)
    for label, reason in missing.items():
        print(f"without {label}: {reason}")
    print(f"kernel {platform.release()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}")
    results = []
    for row in rows:
        contenders, processors = measure(row, commands, options)
        lines = verdicts(row, contenders, options.quick)
        print_row(row, contenders, processors, lines)
        results.append(as_json(row, contenders, lines))
    judged = [(result["row"], line) for result in results for line in result["verdicts"]]
    if judged:
        print("\nTargets")
        for name, line in judged:
            print(f"  {line['verdict']:7}{name:18} {line['label']:18} {line['reached']:.2f} {line['against']} "
                  f"(<= {line['limit']:g})")  # fmt: skip
    if options.json:
        machine = {"kernel": platform.release(), "machine": platform.machine(), "processors": os.cpu_count()}
        options.json.write_text(json.dumps({"machine": machine, "missing": missing, "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
