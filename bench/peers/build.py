# bide/bench: builds the peer programs from Debian's packages; a peer that cannot be built is left out with a reason.
import os
import shutil
import subprocess
from pathlib import Path

PEERS = Path(__file__).resolve().parent
BENCH = PEERS.parent
DEBIAN_PYTHON = "/usr/bin/python3"  # python3-uvloop is installed for this one only
DEBIAN_CRATES = "/usr/share/cargo/registry"  # where the librust-*-dev packages put their sources


class Missing(Exception):
    """Why a peer is left out, in words for the reader of the table."""


def tool(package, *names):
    for name in names:
        path = shutil.which(name)
        if path:
            return path
    raise Missing(f"{names[0]} not found (apt install {package})")


def is_fresh(binary, *sources):
    newest = max(source.stat().st_mtime for source in (*sources, Path(__file__)))
    return binary.exists() and binary.stat().st_mtime > newest


def compile_with(package, command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode == 0:
        return
    errors = [line.strip() for line in done.stderr.splitlines() if "error" in line.lower()]
    raise Missing(f"{(errors or ['build failed'])[0]} (apt install {package}?)")


def build_cxx(source, binary, compiler, *flags, package):
    if not is_fresh(binary, source, BENCH / "report.h"):
        command = [compiler, "-O2", "-DNDEBUG", *flags[:-1], source, "-o", binary, "-pthread", flags[-1]]
        compile_with(package, [part for part in command if part])
    return [str(binary)]


def build_asio(out, compiler, name):
    source = PEERS / "asio" / "tasks.cpp"
    return build_cxx(source, out / name, compiler, "-std=c++20", "-DASIO_STANDALONE", "", package="libasio-dev")


def build_libuv(out):
    compiler = tool("clang-19", "clang-19", "cc")
    return build_cxx(PEERS / "libuv" / "tasks.c", out / "libuv", compiler, "-std=c11", "-luv", package="libuv1-dev")


def build_condvar(out, compiler):
    source = BENCH / "limits" / "condvar.cpp"
    return build_cxx(source, out / "condvar", compiler, "-std=c++20", "", package="clang-19")


def build_go(out):
    source, binary = PEERS / "go" / "tasks.go", out / "go"
    if not is_fresh(binary, source):
        compile_with("golang-go", [tool("golang-go", "go"), "build", "-o", binary, source])
    return [str(binary)]


def build_tokio(out):
    source, binary = PEERS / "tokio", out / "tokio" / "target" / "release" / "tokio_tasks"
    if is_fresh(binary, source / "Cargo.toml", source / "src" / "main.rs"):
        return [str(binary)]
    if not list(Path(DEBIAN_CRATES).glob("tokio-1*")):
        raise Missing("tokio not found (apt install librust-tokio-dev cargo)")
    # Built in a copy, so that the lock file, which depends on Debian's versions, stays out of the source tree.
    shutil.copytree(source, out / "tokio", dirs_exist_ok=True)
    cargo = tool("cargo", "/usr/bin/cargo", "cargo")
    rustc = tool("rustc", "/usr/bin/rustc", "rustc")
    sources = ["--config", 'source.crates-io.replace-with="debian"',
               "--config", f'source.debian.directory="{DEBIAN_CRATES}"']  # fmt: skip
    compile_with(
        "librust-tokio-dev cargo rustc",
        [cargo, "build", "--release", "--offline", "--target-dir", out / "tokio" / "target", *sources],
        cwd=out / "tokio",
        env={**os.environ, "RUSTC": rustc},
    )
    return [str(binary)]


def find_asyncio():
    return [tool("python3", DEBIAN_PYTHON, "python3"), str(PEERS / "asyncio" / "tasks.py")]


def find_uvloop():
    python, program = find_asyncio()
    if subprocess.run([python, "-c", "import uvloop"], capture_output=True).returncode != 0:
        raise Missing("uvloop not found (apt install python3-uvloop)")
    return [python, program, "--uvloop"]


def build_all(out, labels):
    """Builds the named peers into `out`; returns {label: command} and {label: why it is missing}."""
    out.mkdir(parents=True, exist_ok=True)

    def clang():
        return tool("clang-19", "clang++-19")

    builders = {
        "asio": lambda: build_asio(out, clang(), "asio"),
        "asio gcc": lambda: build_asio(out, tool("g++", "g++-12", "g++"), "asio-gcc"),
        "libuv": lambda: build_libuv(out),
        "go": lambda: build_go(out),
        "tokio": lambda: build_tokio(out),
        "asyncio": find_asyncio,
        "uvloop": find_uvloop,
        "condvar": lambda: build_condvar(out, clang()),
        "condvar held": lambda: build_condvar(out, clang()),
    }
    commands, missing = {}, {}
    for label in labels:
        try:
            commands[label] = builders[label]()
        except Missing as reason:
            missing[label] = str(reason)
    return commands, missing
