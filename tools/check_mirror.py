#!/usr/bin/env python3
"""Checks that what is public is documented and tested under the same name:

include/bide/x.hpp of layer l   docs/reference/x.md and tests/l/x_test.cpp
include/bide/testing/x.hpp      docs/reference/testing/x.md and tests/testing/x_test.cpp (http, mysql alike)
src/os/ops/x.cpp                a row naming x_op in tests/os/ops_test.cpp
src/**/x_parser.cpp             fuzz/x_parser_fuzz.cpp
and that no reference page outlives its header.
"""

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
table = project.ROOT / "tests/os/ops_test.cpp"
rows = table.read_text(encoding="utf-8") if table.is_file() else ""
for path in operations:
    if not re.search(rf"\b{path.stem}_op\b", rows):
        problems.append(f"{path}: no row for {path.stem}_op in tests/os/ops_test.cpp: add one")

parsers = project.files("src/**/*_parser.cpp")
for path in parsers:
    harness = f"fuzz/{path.stem}_fuzz.cpp"
    if not (project.ROOT / harness).is_file():
        problems.append(f"{path}: a parser without a fuzz harness: write {harness}")

project.finish("mirror", problems,
               f"{len(headers)} public headers have a page and a test, {len(operations)} operations a row, {len(parsers)} parsers a harness")
