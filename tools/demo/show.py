#!/usr/bin/env python3
"""Runs every example, then a million tasks and ten thousand connections beside Python's asyncio, then checks the sums of
thousands of files against sha256sum, and ends with what was shown and how to see it alone.

usage: show.py [FOLDER OF THE BUILT EXAMPLES]
"""

import contextlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON_TASKS = 100_000  # a million of them would take asyncio half a minute
SHOWS = ("demo_million", "demo_connections", "demo_server", "checksum")  # demo_server is that of the one before
FOLDERS = ("/usr/share/doc", "/usr/include", "/etc")  # to take sums of: the first that there is
SERVERS = ("echo_server", "chat", "chat_tls", "tcp_proxy")  # run until they are ended: listed, and run only as a partner
INPUTS = {"capitals": "what comes in\ngoes out in capitals\n", "parallel": "sleep 0.2; echo first\necho second\n"}
LINES_EACH = 4
TERMINAL = sys.stdout.isatty()
WIDTH = min(shutil.get_terminal_size((100, 24)).columns, 120)


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if TERMINAL else text


def bold(text):
    return paint("1", text)


def dim(text):
    return paint("2", text)


def say(text=""):
    print(text, flush=True)


def purpose(name):
    """What the first line of the example says that it shows."""
    first = (ROOT / "examples" / f"{name}.cpp").read_text(encoding="utf-8").split("\n", 1)[0]
    return re.split(r"\. |[.:]$", first.partition(":")[2].strip())[0]


def groups():
    """The sections of examples/README.md with the names in them, in the order in which one learns."""
    found = {}
    for title, name in re.findall(r"^## (.+)$|^\| \[(\w+)\]", (ROOT / "examples/README.md").read_text(encoding="utf-8"), re.M):
        if title:
            found[title] = names = []
        else:
            names.append(name)
    return found


def packed(output):
    """The output in a few lines: what is short shares one."""
    lines, separator = [], "  |  "
    for piece in (line.strip() for line in output.splitlines()):
        if lines and len(lines[-1]) + len(separator) + len(piece) <= WIDTH - 4:
            lines[-1] += separator + piece
        else:
            lines.append(piece)
    if len(lines) > LINES_EACH:
        lines[LINES_EACH - 1:] = ["..."]
    return [line[:WIDTH - 4] for line in lines]


@contextlib.contextmanager
def echo_server(folder):
    """Runs the example of that name; gives the port that its client needs."""
    server = subprocess.Popen([folder / "echo_server", "0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        yield [server.stdout.readline().rsplit(":", 1)[-1].strip()]
    finally:
        server.terminate()
        server.wait()


# Examples that need somebody to talk to: who that is, and gives them their arguments.
PARTNERS = {"echo_client": echo_server}


def run_example(program):
    """True when it ended well. Its progress, if it shows any, goes to the terminal as it comes."""
    say(bold(program.name) + "  " + purpose(program.name))
    partner = PARTNERS.get(program.name, lambda _: contextlib.nullcontext([]))
    try:
        with partner(program.parent) as arguments:
            run = subprocess.run([program, *arguments], input=INPUTS.get(program.name, ""), stdout=subprocess.PIPE,
                                 text=True, errors="replace", timeout=30)
    except subprocess.TimeoutExpired:
        say(paint("31", "    still running after 30 s: given up"))
        return False
    for line in packed(run.stdout):
        say("    " + dim(line))
    if run.returncode:
        say(paint("31", f"    exit code {run.returncode}"))
    return run.returncode == 0


def measure(*command):
    """The figures that a measuring program prints, by name."""
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60)
    if run.returncode:
        sys.exit(f"{command[0]}: exit code {run.returncode}\n{run.stdout}")
    return {name: float(value) for name, value in re.findall(r"^(.+): ([\d.]+)$", run.stdout, re.M)}


def summary(folder, names, shows):
    """One screen: what was shown, and the command that shows it alone. `shows`: (title, program) of the large ones."""
    rest = list(names)
    rows = []
    for title, members in groups().items():
        mine = [name for name in members if name in rest]
        rest = [name for name in rest if name not in mine]
        if mine:
            rows.append((title, mine))
    if rest:
        rows.append(("More", rest))
    rows += [(title, [name]) for title, name in shows]
    next_steps = (("read them, with their names in Python", "examples/README.md"), ("every test, on both backends", "./dev test"),
                  ("a program of your own", "./dev new DIR"), ("the tutorial", "docs/tutorial/1-hello.md"))
    wide = max(len(title) for title, _ in (*rows, *next_steps)) + 2
    say(bold(f"{'what you have seen':{wide + 2}}to see it alone: cd {folder}, then"))
    for title, members in rows:
        commands = textwrap.wrap(" ".join("./" + name for name in members), max(WIDTH - wide - 2, 30), break_on_hyphens=False)
        for line, command in enumerate(commands):
            say(f"  {title if line == 0 else '':{wide}}{dim(command)}")
    say()
    for what, command in next_steps:
        say(f"  {what:{wide}}{dim(command)}")


def table(bide, asyncio, figures):
    """Both programs' figures, a line for each (title, name, unit, digits, note), and how much better bide is.

    The note "less" or "more" says which way is better and is preceded by how many times; any other stands as it is."""
    version = f"asyncio, python {sys.version_info.major}.{sys.version_info.minor}"
    say(bold(f"  {'':32} {'bide':>14} {version:>22}"))
    for title, name, unit, digits, note in figures:
        ours, theirs = bide[name], asyncio[name]
        if note in ("less", "more"):
            small, large = (ours, theirs) if note == "less" else (theirs, ours)
            times = large / small if small else 0
            note = f"{times:.{0 if times >= 10 else 1}f}x {note}" if times > 1.05 else ""
        columns = [f"{value:,.{digits}f} {unit}".strip() for value in (ours, theirs)]
        say(f"  {title:32} {columns[0]:>14} {columns[1]:>22}  " + dim(note))


MILLION = (
    ("tasks asleep at the same time", "tasks", "", 0, "fewer, to save your time"),
    ("timers beside them", "timers", "", 0, ""),
    ("wall time of it all", "seconds in all", "s", 1, ""),
    ("memory for a sleeping task", "bytes for a sleeping task", "B", 0, "less"),
    ("processor time to start a task", "ns to start a task", "ns", 0, "less"),
    ("... to switch to another one", "ns to switch to another task", "ns", 0, "less"),
    ("the latest timer was late by", "ms that the latest timer was late", "ms", 1, ""),
)
CONNECTIONS = (
    ("connections at the same time", "connections", "", 0, ""),
    ("time to open them", "seconds to open them", "s", 2, ""),
    ("server's memory for each", "bytes for a connection", "B", 0, "less"),
    ("echoes of 64 bytes per second", "echoes per second", "", 0, "more"),
    ("server's processor time for each", "ns of the server for an echo", "ns", 0, "less"),
    ("half of them came within", "ms for half of the echoes", "ms", 1, "less"),
    ("99 of 100 came within", "ms for 99 of 100", "ms", 1, "less"),
)


def show_million(program):
    say(bold("a million tasks and ten thousand timers"))
    bide = measure(program)
    say(bold(f"the same on Python's asyncio, with {PYTHON_TASKS:,} tasks"))
    asyncio = measure(sys.executable, ROOT / "tools/demo/million.py", str(PYTHON_TASKS))
    bide.update(tasks=1_000_000, timers=10_000)
    asyncio.update(tasks=PYTHON_TASKS, timers=10_000)
    say()
    table(bide, asyncio, MILLION)
    return f"A million tasks: {bide['bytes for a sleeping task']:.0f} B each", "demo_million"


def show_connections(program):
    say(bold("ten thousand connections from another process"))
    bide = measure(program)
    say(bold("the same client, with a server on Python's asyncio"))
    asyncio = measure(program, f"exec '{sys.executable}' '{ROOT}/tools/demo/connections.py'")
    say()
    table(bide, asyncio, CONNECTIONS)
    return f"10,000 connections: {bide['echoes per second']:,.0f} echoes/s", "demo_connections"


def show_checksum(program):
    """Whether it said what sha256sum says, and the line of the summary."""
    folder = next(path for path in FOLDERS if os.path.isdir(path))
    say(bold(f"the SHA-256 of every file below {folder}, eight files at a time"))
    names = sorted(os.path.relpath(os.path.join(path, name), folder).encode(errors="surrogateescape")
                   for path, _, files in os.walk(folder) for name in files
                   if stat.S_ISREG(os.lstat(os.path.join(path, name)).st_mode))
    size = sum(os.path.getsize(os.path.join(folder.encode(), name)) for name in names)
    sums, seconds = [], []
    for command in ((program, folder), ("xargs", "-0", "sha256sum", "--")):
        start = time.monotonic()
        sums.append(subprocess.run(command, input=b"\0".join(names), stdout=subprocess.PIPE, cwd=folder, timeout=60).stdout)
        seconds.append(time.monotonic() - start)
    same = sums[0] == sums[1]
    say(f"  {len(names):,} files, {size / 1e6:,.0f} MB: {seconds[0]:.2f} s; "
        f"sha256sum, one file after the other: {seconds[1]:.2f} s")
    say("  " + (dim("the same sums, line by line") if same else paint("31", "the sums differ from those of sha256sum")))
    return same, (f"{len(names):,} files: the sums that sha256sum says" if same else "sums that differ from sha256sum's",
                  f"checksum {folder}")


def main():
    began = time.monotonic()
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/examples")
    found = {path.name: path for path in (ROOT / folder).glob("*") if (ROOT / "examples" / f"{path.name}.cpp").is_file()}
    missing = [name for name in SHOWS if name not in found]
    if missing:
        sys.exit(f"{folder}/{missing[0]} is not built: run ./dev demo")
    shows = {name: found.pop(name) for name in SHOWS}
    order = [name for names in groups().values() for name in names]
    names = sorted(found, key=lambda name: (order.index(name) if name in order else len(order), name))

    shown = [name for name in names if name not in SERVERS]
    say(bold(f"{len(shown)} programs"))
    failed = [name for name in shown if not run_example(found[name])]

    say()
    large = [show_million(shows["demo_million"])]
    say()
    large.append(show_connections(shows["demo_connections"]))
    say()
    same, shown_sums = show_checksum(shows["checksum"].resolve())
    large.append(shown_sums)
    if not same:
        failed.append("checksum")

    say()
    summary(folder, names, large)
    say()
    say(paint("31", f"failed: {', '.join(failed)}") if failed else f"all well in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


os.chdir(ROOT)
sys.exit(main())
