#!/usr/bin/env python3
"""Makes a project from examples/starter, named after its folder, and says what to type next.

usage: new.py DIR
"""

import os
import pathlib
import re
import shutil
import sys

import project

TEMPLATE = project.ROOT / "examples" / "starter"
NAME = "starter"  # stands in the template for the name of the project
PATH = "${sourceDir}/../.."  # ... for the clone of bide
# Targets that CMake, CTest or bide make themselves.
TAKEN = {"all", "ALL_BUILD", "bide", "bide_testing", "clean", "depend", "edit_cache", "greet_test", "help", "INSTALL", "install", "package", "PACKAGE",
         "package_source", "preinstall", "rebuild_cache", "RUN_TESTS", "test", "Testing", "ZERO_CHECK", "CMakeFiles"}


def shown(path):
    """The path as its user would type it."""
    return re.sub(r"([^\w@%+=:,./~-])", r"\\\1", str(path))


def wrong_name(name):
    """Why CMake would take offence at a target of that name; empty when it would not."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_+-]*", name):
        return "use letters, digits, _ + and -, and begin with a letter"
    if name in TAKEN or name.startswith("example."):
        return "CMake or bide has a target of that name: take another one"
    return ""


def make(target):
    """Copies the template; throws OSError."""
    target.mkdir(parents=True, exist_ok=True)
    for source in sorted(path for path in TEMPLATE.rglob("*") if path.is_file()):
        inside = source.relative_to(TEMPLATE)
        if inside.parts[0] == "build":
            continue
        text = source.read_text(encoding="utf-8")
        if source.suffix in (".txt", ".json", ".md"):
            text = re.sub(rf"\b{NAME}(?=\b|_parts\b)", target.name, text)
            text = text.replace(PATH, str(project.ROOT).replace("\\", "\\\\").replace('"', '\\"'))
        if source.suffix == ".md":
            text = text.replace("(../../", f"({project.ROOT}/")
        if source.suffix in (".cpp", ".hpp"):
            text = re.sub(r"\A// bide/examples: (.)", lambda match: "// " + match.group(1).upper(), text)
        (target / inside).parent.mkdir(exist_ok=True)
        (target / inside).write_text(text, encoding="utf-8")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: ./dev new DIR\nDIR is made; its last part is the name of the project")
    asked = pathlib.Path(sys.argv[1]).expanduser()
    target = pathlib.Path(os.path.abspath(asked))  # not resolve(): it shall be called what its user calls it
    why = wrong_name(target.name)
    if why:
        sys.exit(f"./dev new: '{target.name}' cannot be the name of a project: {why}")
    if target.is_dir() and any(target.iterdir()):
        sys.exit(f"./dev new: {asked} is there and not empty: name a folder that does not exist, or empty it")
    if target.exists() and not target.is_dir():
        sys.exit(f"./dev new: {asked} is a file: name a folder that does not exist")
    existed = target.exists()
    try:
        make(target)
    except OSError as error:
        if not existed:
            shutil.rmtree(target, ignore_errors=True)
        sys.exit(f"./dev new: cannot make {asked}: {error.strerror}: name a folder that you may write to")
    print(f"""made {asked}: a program, its tests on virtual time, a README. Next:

  cd {shown(asked)}
  cmake --workflow --preset dev    # builds it and runs its tests; the first time it builds bide, too: a minute or two
  build/dev/{target.name} Ada Bob

then change src/greet.cpp. The tutorial: {project.ROOT}/docs/tutorial/1-hello.md""")


main()
