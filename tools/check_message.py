#!/usr/bin/env python3
"""Runs a program with a newcomer's mistake and checks what it says: that it is what docs/howto/errors.md says, too.

The source (tests/newcomer/*.cpp) begins with lines of these kinds:
    // says: TEXT        printed, in this order; <n> stands for digits, <path> for a folder, <any> for anything
    // exit: N | abort   how it ends; without it: 0
    // env: NAME=VALUE   in its environment
    // file: NAME        exists in its working folder, and nobody may read it, not even root
usage: check_message.py SOURCE PROGRAM
"""

import ctypes
import os
import pathlib
import re
import resource
import signal
import subprocess
import sys
import tempfile

import project

ABORT = -signal.SIGABRT
PLACES = {"<n>": r"\d+", "<path>": r"(?:\S*/)?", "<any>": ".*"}
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def pattern(text):
    return re.compile("".join(PLACES.get(part, re.escape(part)) for part in re.split(r"(<n>|<path>|<any>)", text)))


def in_child():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


source, program = pathlib.Path(sys.argv[1]), os.path.abspath(sys.argv[2])
directives = re.findall(r"^// (says|exit|env|file): (.+)$", source.read_text(encoding="utf-8"), re.M)
said = [text for kind, text in directives if kind == "says"]
ends = [text for kind, text in directives if kind == "exit"]
wanted = (ABORT if ends[0] == "abort" else int(ends[0])) if ends else 0
environment = dict(os.environ, **dict(text.split("=", 1) for kind, text in directives if kind == "env"))

with tempfile.TemporaryDirectory() as folder:
    for name in (text for kind, text in directives if kind == "file"):
        path = pathlib.Path(folder, name)
        path.write_text("", encoding="utf-8")
        path.chmod(0)
    run = subprocess.run([program], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace", timeout=100, preexec_fn=in_child)

problems, at = [], 0
page = project.ROOT / "docs/howto/errors.md"
documented = page.read_text(encoding="utf-8")
for text in said:
    found = pattern(text).search(run.stdout, at)
    if found:
        at = found.end()
    else:
        problems.append(f"does not say, or not in this order: {text}")
    if not pattern(text).search(documented):
        problems.append(f"{page.relative_to(project.ROOT)} does not have this message: {text}")
if not said:
    problems.append("has no `// says:`")
if run.returncode != wanted:
    problems.append(f"ends with {run.returncode}, not {wanted}")
if problems:
    print("\n".join(f"{source.name}: {problem}" for problem in problems))
    print(f"--- printed\n{run.stdout}")
    sys.exit(1)
