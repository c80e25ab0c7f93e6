#!/usr/bin/env python3
"""Checks that a misuse does not compile, and that it fails for the reason it should.

The source holds `// expect-error: <regex>`, which a line of the compiler's output must match, and the right use under
`#ifdef BIDE_COMPILE_OK`, which must compile: so a typo in the test cannot pass for the error that is meant.
Where compilers word an error differently, `// expect-error-gcc:` and `// expect-error-clang:` stand instead.
usage: compile_fail.py SOURCE COMPILER FLAG...
"""

import re
import subprocess
import sys

source, command = sys.argv[1], sys.argv[2:]
kind = "clang" if "clang" in command[0] else "gcc"
with open(source, encoding="utf-8") as file:
    text = file.read()
patterns = re.findall(rf"^// expect-error(?:-{kind})?: (.+)$", text, re.M)
if not patterns:
    sys.exit(f"{source}: no `// expect-error: <regex>` for {kind}: say which error is expected")


def compiles(*extra):
    run = subprocess.run([*command, *extra, "-fsyntax-only", source], capture_output=True, text=True)
    return run.returncode == 0, run.stderr


ok, errors = compiles("-DBIDE_COMPILE_OK")
if not ok:
    sys.exit(f"{source}: the right use does not compile (with BIDE_COMPILE_OK):\n{errors}")
ok, errors = compiles()
if ok:
    sys.exit(f"{source}: the misuse compiles")
for pattern in patterns:
    if not any("error:" in line and re.search(pattern, line) for line in errors.splitlines()):
        sys.exit(f"{source}: fails, but no error matches `{pattern}`:\n{errors}")
