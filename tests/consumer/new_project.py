"""Makes a project with ./dev new in a temporary folder, types what it says to type next, and looks at what comes out.

usage: new_project.py installed|clone PREFIX COMPILER
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
kind, prefix, compiler = sys.argv[1:]


def run(command, **settings):
    print("+", command, flush=True)
    done = subprocess.run(command, shell=isinstance(command, str), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **settings)
    print(done.stdout, flush=True)
    if done.returncode:
        sys.exit(f"exit code {done.returncode}")
    return done.stdout


def expect(what, text):
    if what not in text:
        sys.exit(f"does not say: {what}")


with tempfile.TemporaryDirectory() as folder:
    said = run([str(ROOT / "dev"), "new", "my programs/hello-bide"], cwd=folder)
    presets = pathlib.Path(folder, "my programs/hello-bide/CMakePresets.json")
    presets.write_text(presets.read_text(encoding="utf-8").replace("clang++-19", compiler), encoding="utf-8")
    typed = re.findall(r"^  (.+)$", said, re.M)
    if len(typed) != 3:
        sys.exit("should say to type three commands")
    environment = dict(os.environ)
    if shutil.which("ccache"):
        environment["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
    if kind == "installed":
        environment["CMAKE_PREFIX_PATH"] = prefix
    printed = run(" &&\n".join(typed), cwd=folder, env=environment)
    expect("bide: installed in " + prefix if kind == "installed" else f"bide: built from {ROOT}", printed)
    expect("100% tests passed, 0 tests failed out of 3", printed)
    expect("Hello, Ada!\nHello, Bob!\n", printed)
