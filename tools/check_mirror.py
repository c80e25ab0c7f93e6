#!/usr/bin/env python3
"""Checks that what is public is documented and tested under the same name:

include/bide/x.hpp of layer l   docs/reference/x.md and tests/l/x_test.cpp
include/bide/testing/x.hpp      docs/reference/testing/x.md and tests/testing/x_test.cpp (http, mysql alike)
src/os/ops/x.cpp                a row naming x_op in tests/os/ops_test.cpp or another *ops_test.cpp beside it
src/**/x_parser.cpp             fuzz/x_parser_fuzz.cpp
docs/tutorial/x.md, README.md   the same in Chinese (docs/zh/tutorial/x.md, README.zh-CN.md), with the same headings and snippets
and that no reference page outlives its header.
"""

import pathlib
import re

import project

# header: reason. Public headers without a page or a test of their own.
EXEMPT = {
    "include/bide/bide.hpp": "includes the others, says nothing itself",
}
# Reference pages that stand for no header.
PAGES_EXEMPT = {"docs/reference/index.md"}

problems = []
pages = set()
headers = [p for p in project.public_headers() if str(p) not in EXEMPT]

for path in headers:
    layer = project.layer_of(path)
    if layer is None:
        problems.append(f"{path}:1: no layer in the first line: write `// bide/<layer>: what the file is for.`")
        continue
    parts = path.relative_to("include/bide").with_suffix("").parts
    page = project.ROOT.joinpath("docs", "reference", *parts).with_suffix(".md")
    pages.add(page)
    if not page.is_file():
        problems.append(f"{path}: no reference page: write {page.relative_to(project.ROOT)}")
    test = project.ROOT / "tests" / layer / f"{parts[-1]}_test.cpp"
    if not test.is_file():
        problems.append(f"{path}: no test: write {test.relative_to(project.ROOT)}")

for path in project.files("docs/reference/**/*.md"):
    if project.ROOT / path not in pages and str(path) not in PAGES_EXEMPT:
        problems.append(f"{path}: no such header: rename or remove the page")

operations = project.files("src/os/ops/*.cpp")
rows = "\n".join(project.read(table) for table in project.files("tests/os/*ops_test.cpp"))
for path in operations:
    if not re.search(rf"\b{path.stem}_op\b", rows):
        problems.append(f"{path}: no row for {path.stem}_op in a table of tests/os/*ops_test.cpp: add one")

parsers = project.files("src/**/*_parser.cpp")
for path in parsers:
    harness = f"fuzz/{path.stem}_fuzz.cpp"
    if not (project.ROOT / harness).is_file():
        problems.append(f"{path}: a parser without a fuzz harness: write {harness}")


def skeleton(path):
    """The headings, by level, and the snippets of a page, in order."""
    return [mark.group(1) or mark.group(2) for mark in re.finditer(r"^(#+) |^<!-- (snippet: .*) -->$", project.read(path), re.M)]


# English page: Chinese page.
twins = {path: pathlib.Path("docs/zh", *path.parts[1:]) for path in project.files("docs/tutorial/*.md")}
twins.update((pathlib.Path("docs", *path.parts[2:]), path) for path in project.files("docs/zh/**/*.md"))
twins[pathlib.Path("README.md")] = pathlib.Path("README.zh-CN.md")
for english, chinese in sorted(twins.items()):
    missing = next((path for path in (english, chinese) if not (project.ROOT / path).is_file()), None)
    if missing:
        problems.append(f"{missing}: missing: a page has it in the other language: write this one or remove that")
    elif skeleton(english) != skeleton(chinese):
        problems.append(f"{chinese}: other headings or snippets than {english}: bring both to the same state")

project.finish("mirror", problems,
               f"{len(headers)} public headers have a page and a test, {len(operations)} operations a row, {len(parsers)} parsers a harness, {len(twins)} pages are in both languages")
