#!/usr/bin/env python3
"""Checks that each header under include/bide compiles alone, so that users may include any of them first.

A header is compiled again only when it or a project header that it includes has changed since it last compiled.
usage: check_headers.py [COMPILER]
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys

import project

INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<(bide/[^>\n]+)>", re.M)
CACHE = project.ROOT / "build" / "check_headers.json"

compiler = sys.argv[1] if len(sys.argv) > 1 else "clang++-19"
flags = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-DBIDE_CHECKED=1", "-I", str(project.ROOT / "include")]
includes = {}


def closure(path):
    """The header and every project header it includes, directly or not."""
    seen, todo = set(), [path]
    while todo:
        current = todo.pop()
        if current in seen or not (project.ROOT / current).is_file():
            continue
        seen.add(current)
        if current not in includes:
            includes[current] = [f"include/{name}" for name in INCLUDE.findall(project.read(current))]
        todo += includes[current]
    return sorted(seen)


def fingerprint(path):
    digest = hashlib.sha256(" ".join([compiler, *flags]).encode())
    for part in closure(path):
        digest.update(part.encode() + b"\0" + (project.ROOT / part).read_bytes())
    return digest.hexdigest()


def compile_alone(path):
    name = path.removeprefix("include/")
    # The second include shows a missing include guard.
    source = f"#include <{name}>\n#include <{name}>\n"
    run = subprocess.run([compiler, *flags, "-x", "c++", "-"], input=source, capture_output=True, text=True, cwd=project.ROOT)
    return path, run.returncode, run.stderr


headers = [str(p) for p in project.files("include/bide/**/*.hpp")]
try:
    cache = json.loads(CACHE.read_text())
except (OSError, ValueError):
    cache = {}
prints = {path: fingerprint(path) for path in headers}
stale = [path for path in headers if cache.get(path) != prints[path]]

problems = []
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    for path, code, errors in pool.map(compile_alone, stale):
        if code:
            first = "\n".join("    " + line for line in errors.splitlines()[:12])
            problems.append(f"{path}: does not compile alone: include what it uses\n{first}")
            prints.pop(path)
CACHE.parent.mkdir(exist_ok=True)
CACHE.write_text(json.dumps(prints))

project.finish("headers", problems, f"{len(headers)} compile alone ({len(stale)} compiled now)")
