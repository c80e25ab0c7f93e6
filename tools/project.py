"""What the check tools share: where the project's files are and which layer each belongs to."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A file includes only its own layer or a lower number.
LAYERS = {
    "base": 0, "os": 1, "loop": 2, "core": 3, "sync": 4, "exec": 5, "net": 6, "system": 7,
    "http": 8, "mysql": 8, "introspect": 9, "testing": 9,
}
# Public headers in these folders of include/bide/ belong to the layer of the same name.
PUBLIC_FOLDERS = ("http", "mysql", "testing")
UMBRELLA = "include/bide/bide.hpp"     # includes every layer below the protocols; belongs to none

FIRST_LINE = re.compile(r"^// bide/(\w+): \S")


def files(*patterns):
    """Project files matching the globs, as sorted paths relative to the root, without what builds left behind."""
    found = set()
    for pattern in patterns:
        found.update(p.relative_to(ROOT) for p in ROOT.glob(pattern) if p.is_file())
    return sorted(p for p in found if p.parts[0] not in ("build", ".git"))


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def named_layer(path):
    """The layer that the file's first line names, or None."""
    with open(ROOT / path, encoding="utf-8") as file:
        match = FIRST_LINE.match(file.readline())
    return match.group(1) if match else None


def folder_layer(path):
    """The layer that the file's folder stands for, or None where only the first line can tell."""
    parts = pathlib.PurePath(path).parts
    if parts[0] == "src":
        return parts[1] if len(parts) > 2 else None
    if parts[:3] == ("include", "bide", "detail"):
        return parts[3] if len(parts) > 4 else None
    if parts[:2] == ("include", "bide") and len(parts) > 3:
        return parts[2]
    return None


def layer_of(path):
    return folder_layer(path) or named_layer(path)


def public_headers():
    """Headers that users may include: everything under include/bide but detail/."""
    return [p for p in files("include/bide/**/*.hpp") if "detail" not in p.parts]


def strip_comments(text):
    """C++ without comments and string contents, line numbers kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"\((.*?)\)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.S)

    def blank(match):
        token = match.group(0)
        if token.startswith('"') and text[text.rfind("\n", 0, match.start()) + 1:match.start()].lstrip().startswith("#"):
            return token               # the name in #include "x.hpp" is code
        kept = "" if token.startswith("/") else '""'
        return kept + "\n" * token.count("\n")

    return pattern.sub(blank, text)


def finish(name, problems, good):
    """Prints each problem as `file: what is wrong: what to do`, or the one line of a good run; the exit code follows."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{name}: {len(problems)} problem{'s' if len(problems) > 1 else ''}")
        sys.exit(1)
    print(f"{name}: {good}")
