#!/usr/bin/env python3
"""What ./dev does once the packages are there: build a preset, run its tests, run the checks.

usage: dev.py build PRESET [TARGET...] | test [--all] [-R REGEX] | check | format
"""

import argparse
import concurrent.futures
import dataclasses
import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import project

BUILD = project.ROOT / "build"
JOBS = os.cpu_count() or 1
ALL_PRESETS = ("dev", "gcc", "asan", "tsan", "fuzz")
TTY = sys.stdout.isatty()
STYLED = ("include/**/*.hpp", "src/**/*.[ch]pp", "tests/**/*.[ch]pp", "examples/**/*.[ch]pp", "bench/**/*.[ch]pp", "bench/**/*.h", "fuzz/**/*.[ch]pp")


@dataclasses.dataclass
class Outcome:
    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0
    note: str = ""


def duration(seconds):
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def say(text):
    print(text, flush=True)


def progress(text):
    """A line that the next one replaces; nothing when the output is not a terminal."""
    if TTY:
        width = shutil.get_terminal_size().columns - 1
        print("\r\033[K" + text[:width], end="", flush=True)


def run_logged(command, log, each_line=None):
    """Runs a command with all output into a log file; each_line sees every line as it comes."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "w", encoding="utf-8", errors="replace") as file:
        process = subprocess.Popen(command, cwd=project.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        for line in process.stdout:
            file.write(line)
            if each_line:
                each_line(line.rstrip("\n"))
        code = process.wait()
    progress("")
    return code


def shown(log):
    return log.relative_to(project.ROOT)


def tail(log, lines, start=None):
    """The end of a log, or the part from the first line that matches start."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if start:
        first = next((i for i, line in enumerate(text) if re.search(start, line)), None)
        if first is not None:
            return "\n".join(text[first:first + lines])
    return "\n".join(text[-lines:])


def build(preset, *targets):
    """Configures and builds; True when both went well."""
    began = time.monotonic()
    progress(f"{preset}: configuring")
    log = BUILD / preset / "configure.log"
    if run_logged(["cmake", "--preset", preset], log):
        say(f"{preset}: configuring failed\n{tail(log, 30, 'CMake Error')}\nlog: {shown(log)}")
        return False
    log = BUILD / preset / "build.log"
    if not TTY:
        say(f"{preset}: building")
    command = ["cmake", "--build", "--preset", preset, "--target", *(targets or ("all",)), "-j", str(JOBS)]
    if run_logged(command, log, lambda line: progress(f"{preset}: {line}")):
        say(f"{preset}: building failed\n{tail(log, 60, '^FAILED')}\nlog: {shown(log)}")
        return False
    say(f"{preset}: built in {duration(time.monotonic() - began)}")
    return True


def read_report(report, outcome):
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None or case.get("status") == "fail":
            outcome.failed += 1
        elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
            outcome.skipped += 1
        else:
            outcome.passed += 1


def run_tests(preset, extra):
    began = time.monotonic()
    outcome = Outcome(preset)
    if not build(preset):
        return Outcome(preset, failed=1, seconds=time.monotonic() - began, note="does not build")
    log, report = BUILD / preset / "test.log", BUILD / preset / "test.xml"
    report.unlink(missing_ok=True)
    command = ["ctest", "--preset", preset, "-j", str(JOBS), "--no-label-summary", "--output-junit", str(report), *extra]
    code = run_logged(command, log, lambda line: progress(f"{preset}: {line.strip()}"))
    outcome.seconds = time.monotonic() - began
    try:
        read_report(report, outcome)
    except (OSError, ElementTree.ParseError):
        outcome.note = "ctest left no report"
    text = log.read_text(encoding="utf-8", errors="replace")
    if code or outcome.failed:
        failures = re.findall(r"^ *\d+/\d+ Test +#\d+: .*\*\*\*.*\n(?:(?! *\d+/\d+ Test| +Start).*\n)*", text, re.M)
        for failure in (f for f in failures if "***Skipped" not in f.splitlines()[0]):
            lines = failure.rstrip().splitlines()
            say("\n".join(lines[:60] + ([f"... {len(lines) - 60} more lines in the log"] if len(lines) > 60 else [])))
        if not outcome.failed:       # ctest itself failed: no tests, a bad command line
            outcome.failed = 1
            say(tail(log, 20))
    closing = re.search(r"^.*% tests passed(?:.*\n?)*", text, re.M)
    if closing:
        say(closing.group(0).strip())
    if outcome.failed:
        say(f"log: {shown(log)}")
    return outcome


def styled_files():
    return [str(path) for path in project.files(*STYLED)]


def clang_format(*flags):
    """Runs clang-format over all C++ files, a slice per processor; the combined output of the slices that failed."""
    names = styled_files()
    slices = [s for s in (names[i::JOBS] for i in range(JOBS)) if s]
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        runs = pool.map(lambda s: subprocess.run(["clang-format-19", "--style=file", *flags, *s], cwd=project.ROOT, capture_output=True, text=True), slices)
    return "".join(run.stderr for run in runs if run.returncode), len(names)


def check_format():
    errors, count = clang_format("--dry-run", "-Werror")
    places = re.findall(r"^(.+?):(\d+):\d+: error: code should be clang-formatted", errors, re.M)
    first = {}
    for name, line in places:
        first.setdefault(name, line)
    for name, line in sorted(first.items()):
        print(f"{name}:{line}: not formatted: run ./dev format")
    if errors and not first:
        print(errors)
    print(f"format: {len(first)} files differ" if errors else f"format: {count} files are formatted")
    return not errors


def check():
    began = time.monotonic()
    failed = [] if check_format() else ["format"]
    sys.stdout.flush()
    for name in ("layers", "mirror", "sizes", "examples", "headers"):
        if subprocess.run([sys.executable, f"tools/check_{name}.py"], cwd=project.ROOT).returncode:
            failed.append(name)
    if subprocess.run([sys.executable, "tools/docs_snippets.py", "--check"], cwd=project.ROOT).returncode:
        failed.append("snippets")
    seconds = time.monotonic() - began
    say(f"check: {', '.join(failed)} failed" if failed else f"check: all well ({seconds:.0f} s)")
    return Outcome("check", failed=len(failed), seconds=seconds, note=", ".join(failed) or "all well")


def total(outcomes):
    """The closing lines: a row per step, one summary, and one line for programs to read."""
    say("")
    for o in outcomes:
        counts = o.note if o.name == "check" else f"{o.passed} passed, {o.failed} failed, {o.skipped} skipped" + (f" ({o.note})" if o.note else "")
        say(f"{o.name:8} {o.seconds:6.0f} s  {counts}")
    passed, failed, skipped = (sum(getattr(o, key) for o in outcomes) for key in ("passed", "failed", "skipped"))
    verdict = "FAILED" if failed else "all well"
    steps = f"{len(outcomes)} step{'s' if len(outcomes) > 1 else ''}"
    say(f"total: {verdict}: {steps} in {duration(sum(o.seconds for o in outcomes))}, {skipped} tests skipped")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def test(arguments):
    extra = ["-R", arguments.R] if arguments.R else []
    if not arguments.all:
        # Installing and building as a consumer takes longer than all other tests: --all only.
        return total([run_tests("dev", ["-LE", "^consumer$", *extra])])
    outcomes = [check()]
    for preset in ALL_PRESETS:
        say("")
        outcomes.append(run_tests(preset, extra))
    return total(outcomes)


def main():
    parser = argparse.ArgumentParser(prog="./dev")
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build")
    building.add_argument("preset")
    building.add_argument("targets", nargs="*", default=["all"])
    tests = commands.add_parser("test")
    tests.add_argument("--all", action="store_true", help="checks, five presets, consumer tests")
    tests.add_argument("-R", metavar="REGEX", help="only tests whose name matches")
    commands.add_parser("check")
    commands.add_parser("format")
    arguments = parser.parse_args()
    if arguments.command == "build":
        return 0 if build(arguments.preset, *arguments.targets) else 1
    if arguments.command == "test":
        return test(arguments)
    if arguments.command == "check":
        return 1 if check().failed else 0
    clang_format("-i")
    say(f"format: {len(styled_files())} files")
    return 0


sys.exit(main())
