#!/usr/bin/env python3
"""Runs a program and compares what it prints with a file, line by line.

A line of the file that starts with `~` is a regular expression for the whole line, all others are literal.
usage: check_output.py EXPECTED PROGRAM ARGUMENT...
"""

import re
import subprocess
import sys

expected_file, command = sys.argv[1], sys.argv[2:]
with open(expected_file, encoding="utf-8") as file:
    expected = file.read().splitlines()
try:
    run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=100)
except subprocess.TimeoutExpired as hung:
    sys.exit(f"{command[0]}: still running after 100 s; printed so far:\n{(hung.stdout or b'').decode(errors='replace')}")
# Not splitlines(): a progress bar's carriage returns are part of its line.
actual = run.stdout.decode("utf-8", "replace").removesuffix("\n").split("\n") if run.stdout else []


def same(want, got):
    return re.fullmatch(want[1:], got, re.S) is not None if want.startswith("~") else want == got


wrong = next((i for i, (want, got) in enumerate(zip(expected, actual)) if not same(want, got)), None)
if wrong is None and len(expected) != len(actual):
    wrong = min(len(expected), len(actual))

if wrong is None and run.returncode == 0:
    sys.exit(0)
if wrong is not None:
    print(f"line {wrong + 1} differs")
    print("  expected:", expected[wrong] if wrong < len(expected) else "the end")
    print("  printed: ", repr(actual[wrong])[1:-1] if wrong < len(actual) else "the end")
print(f"exit code {run.returncode}\n--- printed\n" + "\n".join(actual))
print("--- to stderr\n" + run.stderr.decode("utf-8", "replace"))
# 77 says that the program cannot run here, and ctest counts it as skipped.
sys.exit(77 if run.returncode == 77 else 1)
