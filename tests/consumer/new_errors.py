"""What ./dev new says when it cannot make a project, and that it leaves nothing behind."""

import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

with tempfile.TemporaryDirectory() as folder:
    top = pathlib.Path(folder)
    (top / "full").mkdir()
    (top / "full" / "notes.txt").write_text("mine", encoding="utf-8")
    (top / "file").write_text("mine", encoding="utf-8")
    before = sorted(top.rglob("*"))
    cases = (
        ([], "usage: ./dev new DIR"),
        (["one", "two"], "usage: ./dev new DIR"),
        (["full"], "full is there and not empty: name a folder that does not exist, or empty it"),
        (["file"], "file is a file: name a folder that does not exist"),
        (["file/hello"], "cannot make file/hello: Not a directory: name a folder that you may write to"),
        (["/proc/hello"], "cannot make /proc/hello: No such file or directory: name a folder that you may write to"),
        (["my app"], "'my app' cannot be the name of a project: use letters, digits, _ + and -, and begin with a letter"),
        (["2nd"], "'2nd' cannot be the name of a project: use letters"),
        (["test"], "'test' cannot be the name of a project: CMake or bide has a target of that name: take another one"),
    )
    for arguments, said in cases:
        run = subprocess.run([str(ROOT / "dev"), "new", *arguments], cwd=folder, capture_output=True, text=True, env=dict(os.environ))
        if run.returncode == 0 or said not in run.stderr:
            sys.exit(f"./dev new {' '.join(arguments)}: exit code {run.returncode}\n{run.stdout}{run.stderr}should say: {said}")
    if sorted(top.rglob("*")) != before:
        sys.exit("something was left behind")
