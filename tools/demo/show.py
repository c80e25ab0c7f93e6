#!/usr/bin/env python3
"""Runs every example, then a million tasks and ten thousand connections beside Python's asyncio, and ends with what was
shown and how to see it alone.

usage: show.py [FOLDER OF THE BUILT EXAMPLES]
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON_TASKS = 100_000  # a million of them would take asyncio half a minute
SHOWS = ("demo_million", "demo_connections", "demo_server")  # the last is the server of the one before
SERVERS = ("echo_server", "chat", "tcp_proxy")  # run until they are ended: listed, and run only as a partner
INPUTS = {"capitals": "what comes in\ngoes out in capitals\n"}
LINES_EACH = 4
TERMINAL = sys.stdout.isatty()
WIDTH = min(shutil.get_terminal_size((100, 24)).columns, 120)
# In the order in which one learns; an example that is not named here comes after these.
ORDER = ("hello two_tasks greetings create_task fibonacci async_for error_handling timeouts locks producer_consumer "
         "callbacks selector thread_pool run_threadsafe scheduler download_many "
         "tcp_server_client echo_server echo_client transports tls_echo fetch chat tcp_proxy capitals").split()


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
    return first.split(":", 1)[1].strip().rstrip(".")


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


def show_connections(program):
    say(bold("ten thousand connections from another process"))
    bide = measure(program)
    say(bold("the same client, with a server on Python's asyncio"))
    asyncio = measure(program, f"exec '{sys.executable}' '{ROOT}/tools/demo/connections.py'")
    say()
    table(bide, asyncio, CONNECTIONS)


def main():
    began = time.monotonic()
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/examples")
    found = {path.name: path for path in (ROOT / folder).glob("*") if (ROOT / "examples" / f"{path.name}.cpp").is_file()}
    missing = [name for name in SHOWS if name not in found]
    if missing:
        sys.exit(f"{folder}/{missing[0]} is not built: run ./dev demo")
    shows = {name: found.pop(name) for name in SHOWS}
    names = sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))

    shown = [name for name in names if name not in SERVERS]
    say(bold(f"{len(shown)} programs"))
    failed = [name for name in shown if not run_example(found[name])]

    say()
    show_million(shows["demo_million"])
    say()
    show_connections(shows["demo_connections"])

    say()
    say(bold("what you have seen, and how to see it alone"))
    rows = [(f"{folder}/{name}", purpose(name)) for name in (*names, *SHOWS)]
    rows += [("examples/<name>.cpp", "the source of each"), ("./dev test", "every test, on both backends")]
    wide = max(len(command) for command, _ in rows)
    for command, what in rows:
        say(f"  {command:{wide}} {dim(what)}")
    say(paint("31", f"failed: {', '.join(failed)}") if failed else f"all well in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


os.chdir(ROOT)
sys.exit(main())
