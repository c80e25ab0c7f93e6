#!/usr/bin/env python3
"""Keeps the code in the documentation cut from files that are compiled and run.

    <!-- snippet: examples/hello.cpp#main -->      the part between `// [main]` and `// [/main]`
    <!-- snippet: examples/hello.cpp -->           the whole file, without such marks
followed by a fenced block, which this tool fills. `#` starts a mark in CMake, shell and Python files.
With --check nothing is written; it fails where a block is stale or a C++ block names no source.
"""

import pathlib
import re
import sys
import textwrap

import project

SOURCES = ("examples", "tests", "include", "bench")      # what ./dev test builds
LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".py": "python", ".sh": "bash", ".txt": "cmake", ".cmake": "cmake"}
MARK = re.compile(r"^\s*(?://|#) \[(/?)([\w-]+)\]\s*$")
SNIPPET = re.compile(r"^<!-- snippet: ([^\s#]+)(?:#([\w-]+))? -->$")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})\s*([\w+-]*)")
MUST_BE_CUT = ("cpp", "c++", "cc", "cxx", "hpp")


class Wrong(Exception):
    pass


def cut(name, section):
    path = project.ROOT / name
    if pathlib.PurePath(name).parts[0] not in SOURCES:
        raise Wrong(f"{name} is not run by any test: cut from {', '.join(SOURCES)}")
    if not path.is_file():
        raise Wrong(f"{name} does not exist: mend the snippet line")
    taken, inside, closed = [], section is None, section is None
    for line in path.read_text(encoding="utf-8").splitlines():
        mark = MARK.match(line)
        if mark:
            if mark.group(2) == section:
                inside, closed = not mark.group(1), bool(mark.group(1))
        elif inside:
            taken.append(line)
    if not taken or not closed:
        raise Wrong(f"{name} has no section {section}: put `// [{section}]` and `// [/{section}]` around it")
    return textwrap.dedent("\n".join(taken)).strip("\n").split("\n")


def refresh(path, problems):
    """The page with every snippet filled; problems gets what cannot be mended here."""
    lines = project.read(path).split("\n")
    out, wanted, i = [], None, 0
    while i < len(lines):
        line, number = lines[i], i + 1
        i += 1
        snippet, fence = SNIPPET.match(line), FENCE.match(line)
        if snippet:
            wanted = (number, snippet.group(1), snippet.group(2))
            out.append(line)
        elif fence:
            end = i
            while end < len(lines) and lines[end].strip() != fence.group(2):
                end += 1
            body = lines[i:end]
            if wanted:
                try:
                    body = cut(wanted[1], wanted[2])
                    if not fence.group(3):
                        line = fence.group(0) + LANGUAGES.get(pathlib.PurePath(wanted[1]).suffix, "")
                except Wrong as wrong:
                    problems.append(f"{path}:{wanted[0]}: {wrong}")
            elif fence.group(3).lower() in MUST_BE_CUT:
                problems.append(f"{path}:{number}: C++ that nothing compiles: put `<!-- snippet: file#section -->` before the block")
            out += [line, *body, *lines[end:end + 1]]
            wanted, i = None, end + 1
        else:
            if wanted and line.strip():
                problems.append(f"{path}:{wanted[0]}: no fenced block follows: put one after the snippet line")
                wanted = None
            out.append(line)
    return "\n".join(out)


problems, count, changed = [], 0, 0
for path in project.files("*.md", "docs/**/*.md"):
    text, before = refresh(path, problems), project.read(path)
    count += len(re.findall(r"^<!-- snippet: ", before, re.M))
    if text != before:
        if "--check" in sys.argv:
            problems.append(f"{path}: a code block is not what its source says: run tools/docs_snippets.py")
        else:
            (project.ROOT / path).write_text(text, encoding="utf-8")
            changed += 1

project.finish("snippets", problems, f"{count} code blocks are cut from compiled files" + (f", {changed} pages refreshed" if changed else ""))
