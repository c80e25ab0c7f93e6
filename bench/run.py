# bide/bench: runs bide and its peers side by side and says which targets are met; `./dev bench` calls it.
import argparse
import json
import os
import platform
import resource
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "peers"))
import build as peer_programs  # noqa: E402
import echo  # noqa: E402
import table  # noqa: E402
import tasks  # noqa: E402

ROWS = [*tasks.ROWS, *echo.ROWS]


def parse_options():
    parser = argparse.ArgumentParser(description="Runs bide and its peers side by side.")
    parser.add_argument("filter", nargs="*", help="a row, or words in the names of several; all without any")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of each program (5)")
    parser.add_argument("--quick", action="store_true", help="one short round: checks that everything runs")
    parser.add_argument("--only", help="only contenders with one of these words, separated by commas, in their label")
    parser.add_argument("--gcc", action="store_true", help="also run the binaries of the gcc preset")
    parser.add_argument("--list", action="store_true", help="print the names of the rows")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    parser.add_argument("--binaries", type=Path, default=ROOT / "build" / "release" / "bench")
    parser.add_argument("--gcc-binaries", type=Path, default=ROOT / "build" / "release-gcc" / "bench")
    options = parser.parse_args()
    options.divide = 100 if options.quick else 1
    options.rounds = 1 if options.quick else options.rounds
    options.builds = [("bide", options.binaries)] + ([("bide gcc", options.gcc_binaries)] if options.gcc else [])
    return options


def chosen_rows(options):
    names = {row.name for row in ROWS}
    rows = [
        row for row in ROWS
        if not options.filter
        or any(word == row.name or (word not in names and word in row.name) for word in options.filter)
    ]  # fmt: skip
    if not rows:
        sys.exit(f"no such row; there are: {', '.join(row.name for row in ROWS)}")
    return rows


def build_peers(rows, options):
    """The commands of the peers for each kind of row, and why some are missing."""
    commands, missing = {}, {}
    for kind in dict.fromkeys(row.kind for row in rows):
        labels = dict.fromkeys(label for row in rows if row.kind == kind for label in row.labels(options))
        built, absent = peer_programs.build_all(ROOT / "build" / "bench-peers", kind, labels)
        commands[kind] = built
        missing.update(absent)
    for label, reason in missing.items():
        print(f"without {label}: {reason}")
    return commands, missing


def print_verdicts(results):
    judged = [(result["row"], line) for result in results for line in result["verdicts"]]
    if judged:
        print("\nTargets")
    for name, line in judged:
        print(f"  {line['verdict']:7}{name:18} {line['label']:18} {line['reached']:.2f} {line['against']} "
              f"(<= {line['limit']:g})")  # fmt: skip


def main():
    options = parse_options()
    if options.list:
        print("\n".join(f"{row.name:20} {row.title}" for row in ROWS))
        return
    rows = chosen_rows(options)
    # Ten thousand connections need more descriptors than a shell allows; the programs inherit what is set here.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    commands, missing = build_peers(rows, options)
    print(f"kernel {platform.release()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.2f}")
    results = []
    for row in rows:
        contenders, where = row.measure(commands[row.kind], options)
        if not contenders:
            continue
        lines = table.verdicts(row, contenders, options.quick)
        table.print_row(row, contenders, where, lines)
        results.append(table.as_json(row, contenders, lines))
    print_verdicts(results)
    if options.json:
        machine = {"kernel": platform.release(), "machine": platform.machine(), "processors": os.cpu_count()}
        options.json.write_text(json.dumps({"machine": machine, "missing": missing, "rows": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
