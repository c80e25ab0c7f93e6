#!/usr/bin/env python3
"""Checks that no file grows past what a reader holds in mind: 500 lines, an example 80. Prints the sizes by folder.

The target for the library is a median of about 150 lines and nine in ten under 350. A file that needs an "and" in its
purpose is two files.
"""

import statistics

import project

GROUPS = {
    "library": (500, ["include/**/*.hpp", "src/**/*.hpp", "src/**/*.cpp"]),
    "tests": (500, ["tests/**/*.cpp", "tests/**/*.hpp", "fuzz/**/*.cpp"]),
    "bench": (500, ["bench/**/*.cpp", "bench/**/*.hpp", "bench/**/*.py"]),
    "examples": (80, ["examples/**/*.cpp"]),
    "tools": (500, ["tools/**/*.py", "tools/**/*.sh", "dev", "cmake/**/*.cmake", "**/CMakeLists.txt"]),
}

# file: (its own limit, reason)
EXEMPT = {
    "examples/tcp_proxy.cpp": (120, "a tool for real use, with all that such a tool must do"),
    "examples/chat.cpp": (100, "as above"),
}

problems = []
report = []
for group, (limit, patterns) in GROUPS.items():
    sizes = []
    for path in project.files(*patterns):
        lines = project.read(path).count("\n")
        sizes.append(lines)
        allowed, _ = EXEMPT.get(str(path), (limit, ""))
        if lines > allowed:
            problems.append(f"{path}: {lines} lines, more than {allowed}: split it by purpose")
    if sizes:
        sizes.sort()
        report.append(f"{group} {len(sizes)} files, median {statistics.median(sizes):.0f}, "
                      f"nine in ten under {sizes[(len(sizes) * 9 - 1) // 10] + 1}, largest {sizes[-1]}")
for path in EXEMPT:
    if not (project.ROOT / path).is_file():
        problems.append(f"tools/check_sizes.py: {path} is exempt but does not exist: remove the line")

project.finish("sizes", problems, "; ".join(report) or "no files yet")
