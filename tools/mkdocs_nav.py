"""A hook of mkdocs: fills the nav entries that name a folder, and leaves out those whose page or folder is not there."""

import pathlib
import re


def pages(root, folder):
    """The folder's pages, its index first, then its sub-folders as sections."""
    def place(page):    # 10-chat comes after 9-testing
        number = re.match(r"\d*", page.stem)[0]
        return page.stem != "index", int(number or 0), page.stem

    found = sorted(folder.glob("*.md"), key=place)
    entries = [p.relative_to(root).as_posix() for p in found]
    for sub in sorted(p for p in folder.iterdir() if p.is_dir()):
        inner = pages(root, sub)
        if inner:
            entries.append({sub.name: inner})
    return entries


def on_config(config):
    root = pathlib.Path(config["docs_dir"])
    nav = []
    for entry in config["nav"]:
        (title, target), = entry.items()
        path = root / target
        if target.endswith("/"):
            inner = pages(root, path) if path.is_dir() else []
            if inner:
                nav.append({title: inner})
        elif path.is_file():
            nav.append(entry)
    config["nav"] = nav
    return config
