#!/usr/bin/env python3
"""Checks that examples/README.md has a row for every example, and no row for what is none.

A row is `| [name](name.cpp) | what it shows | in Python | command |`; its section is that of the demo's summary.
"""

import re

import project

INDEX = "examples/README.md"

examples = {path.stem for path in project.files("examples/*.cpp")}
rows = re.findall(r"^\| \[(\w+)\]\((\w+)\.cpp\) \|(.+)\|(.*)\|(.+)\|$", project.read(INDEX), re.M)
indexed = [row[0] for row in rows]

problems = [f"examples/{name}.cpp: no row `| [{name}]({name}.cpp) | ...` in {INDEX}: add one" for name in sorted(examples - set(indexed))]
problems += [f"{INDEX}: there is no examples/{name}.cpp: remove its row" for name in sorted(set(indexed) - examples)]
for name, file, _, _, command in rows:
    if name != file:
        problems.append(f"{INDEX}: [{name}] links to {file}.cpp: mend the row")
    if f"./{name}" not in command:
        problems.append(f"{INDEX}: the command of {name} does not run it: write `./{name} ...`")
    if indexed.count(name) > 1:
        problems.append(f"{INDEX}: {name} has more than one row: remove one")

project.finish("examples", problems, f"{len(examples)} programs are in the index")
