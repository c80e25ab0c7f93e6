#!/usr/bin/env python3
"""Runs every example, then a million tasks beside Python's asyncio, and ends with what was shown and how to see it alone.

usage: show.py [FOLDER OF THE BUILT EXAMPLES]
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PYTHON_TASKS = 100_000  # a million of them would take asyncio half a minute
LINES_EACH = 4
TERMINAL = sys.stdout.isatty()
WIDTH = min(shutil.get_terminal_size((100, 24)).columns, 120)
# In the order in which one learns; an example that is not named here comes after these.
ORDER = ("hello two_tasks greetings create_task fibonacci async_for error_handling timeouts locks producer_consumer "
         "callbacks selector thread_pool run_threadsafe scheduler download_many").split()


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


def run_example(program):
    """True when it ended well. Its progress, if it shows any, goes to the terminal as it comes."""
    say(bold(program.name) + "  " + purpose(program.name))
    try:
        run = subprocess.run([program], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace", timeout=30)
    except subprocess.TimeoutExpired:
        say(paint("31", "    still running after 30 s: given up"))
        return False
    for line in packed(run.stdout):
        say("    " + dim(line))
    if run.returncode:
        say(paint("31", f"    exit code {run.returncode}"))
    return run.returncode == 0


def measure(command):
    """The figures that one of the two million-task programs prints, by name."""
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=60)
    if run.returncode:
        sys.exit(f"{command[0]}: exit code {run.returncode}\n{run.stdout}")
    return {name: float(value) for name, value in re.findall(r"^(.+): ([\d.]+)$", run.stdout, re.M)}


def table(bide, asyncio, python):
    """Both programs' figures, and how many times less bide needs."""
    def ratio(name):
        return f"{asyncio[name] / bide[name]:.0f}x less" if bide[name] and asyncio[name] >= bide[name] else ""

    rows = [("", "bide", f"asyncio, {python}", "")]
    rows.append(("tasks asleep at the same time", "1,000,000", f"{PYTHON_TASKS:,}", "fewer, to save your time"))
    rows.append(("timers beside them", "10,000", "10,000", ""))
    for title, name, unit, digits in (
        ("wall time of it all", "seconds in all", "s", 1),
        ("memory for a sleeping task", "bytes for a sleeping task", "B", 0),
        ("processor time to start a task", "ns to start a task", "ns", 0),
        ("... to switch to another one", "ns to switch to another task", "ns", 0),
        ("the latest timer was late by", "ms that the latest timer was late", "ms", 1),
    ):
        compared = ratio(name) if unit in ("B", "ns") else ""
        rows.append((title, f"{bide[name]:,.{digits}f} {unit}", f"{asyncio[name]:,.{digits}f} {unit}", compared))
    for i, (title, ours, theirs, note) in enumerate(rows):
        line = f"  {title:30} {ours:>12} {theirs:>22}  "
        say((bold(line) if i == 0 else line) + dim(note))


def main():
    began = time.monotonic()
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/release/examples")
    found = {path.name: path for path in (ROOT / folder).glob("*") if (ROOT / "examples" / f"{path.name}.cpp").is_file()}
    million = found.pop("demo_million", None)
    if not million:
        sys.exit(f"{folder}/demo_million is not built: run ./dev demo")
    names = sorted(found, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))

    say(bold(f"{len(names)} programs"))
    failed = [name for name in names if not run_example(found[name])]

    say()
    say(bold("a million tasks and ten thousand timers"))
    bide = measure([million])
    say(bold(f"the same on Python's asyncio, with {PYTHON_TASKS:,} tasks"))
    asyncio = measure([sys.executable, ROOT / "tools/demo/million.py", str(PYTHON_TASKS)])
    say()
    table(bide, asyncio, f"python {sys.version_info.major}.{sys.version_info.minor}")

    say()
    say(bold("what you have seen, and how to see it alone"))
    rows = [(f"{folder}/{name}", purpose(name)) for name in (*names, "demo_million")]
    rows += [("examples/<name>.cpp", "the source of each"), ("./dev test", "every test, on both backends")]
    wide = max(len(command) for command, _ in rows)
    for command, what in rows:
        say(f"  {command:{wide}} {dim(what)}")
    say(paint("31", f"failed: {', '.join(failed)}") if failed else f"all well in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


os.chdir(ROOT)
sys.exit(main())
