# bide/bench: what all rows share: contenders and their figures, targets and verdicts, the printed table, the JSON.
import dataclasses
import statistics
import sys


@dataclasses.dataclass(frozen=True)
class Target:
    limit: float  # a ratio to the best of `peers`, or an absolute figure if there are none
    peers: tuple = ()
    gcc_limit: float = 0  # for the binaries of GCC 12, where design and compiler allow them more
    of: str = "bide"  # the variants of bide that it is for have this in their label

    def limit_for(self, label):
        return self.gcc_limit if self.gcc_limit and "gcc" in label else self.limit

    def text(self, unit):
        whose = "" if self.of == "bide" else f"{self.of} "
        if not self.peers:
            return f"{whose}<= {self.limit:g} {unit}"
        best = "" if len(self.peers) == 1 else "the best of "
        return f"{whose}<= {self.limit:g}x {best}{', '.join(self.peers)}"


@dataclasses.dataclass
class Contender:
    label: str
    command: list
    n: int = 1
    environment: dict = dataclasses.field(default_factory=dict)
    values: list = dataclasses.field(default_factory=list)
    details: list = dataclasses.field(default_factory=list)  # further figures of each run, a dict
    failure: str = ""
    note: str = ""  # at the end of its line

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def is_bide(self):
        return self.label.startswith("bide")

    def median_of(self, name):
        return statistics.median(each[name] for each in self.details)


def chosen(contenders, options):
    """Those that the option --only names; all without it."""
    words = options.only.split(",") if options.only else [""]
    return [c for c in contenders if any(word in c.label for word in words)]


def rotated(contenders, turn):
    """Nobody always runs first, or always after the same neighbour."""
    shift = turn % len(contenders)
    return contenders[shift:] + contenders[:shift]


def rival_of(target, label, by_label):
    """The peer to judge by: the best of those that ran, and whether all of them did."""
    rivals = []
    for peer in target.peers:
        same_compiler = f"{peer} gcc" if "gcc" in label else peer
        rivals.append(by_label.get(same_compiler) or by_label.get(peer))
    present = [rival for rival in rivals if rival]
    best = min(present, key=lambda c: c.median) if present else None
    return best, len(present) == len(rivals)


def verdicts(row, contenders, quick):
    """One line for each target and bide variant: its figure against the target, and whether that is met."""
    by_label = {c.label: c for c in contenders if c.values}
    lines = []
    if quick:  # too few repetitions to judge by
        return lines
    for target in row.targets:
        for ours in (c for c in contenders if c.is_bide and c.values and target.of in c.label):
            limit = target.limit_for(ours.label)
            reached, against = ours.median, row.unit
            if target.peers:
                rival, complete = rival_of(target, ours.label, by_label)
                if not rival:
                    continue
                reached = ours.median / rival.median
                against = f"x {rival.label}{'' if complete else ' (not all peers ran)'}"
            verdict = "MET" if reached <= limit else "MISSED"
            lines.append({"label": ours.label, "reached": reached, "against": against, "limit": limit,
                          "verdict": verdict})  # fmt: skip
    return lines


def figure(value):
    return f"{value:.1f}" if value < 1e5 else f"{value:.0f}"


def print_row(row, contenders, where, lines):
    ours = [c for c in contenders if c.is_bide and c.values]
    print(f"\n{row.name}: {row.title}  ({where})")
    heads = "".join(f"{c.label + '/it':>{max(18, len(c.label) + 5)}}" for c in ours)
    print(f"  {'':18}{'median':>12}{'min .. max':>22}{heads}")
    for c in contenders:
        if not c.values:
            print(f"  {c.label:18}  not run: {c.failure}")
            continue
        spread = f"{figure(min(c.values))} .. {figure(max(c.values))}"
        ratios = "".join(
            f"{'' if c.is_bide or not c.median else f'{o.median / c.median:.2f}x':>{max(18, len(o.label) + 5)}}"
            for o in ours)  # fmt: skip
        note = f"  {c.note}" if c.note else ""
        print(f"  {c.label:18}{figure(c.median):>9} {row.unit:2}{spread:>22}{ratios}{note}".rstrip())
    for line in lines:
        print(f"  {line['label']}: {line['reached']:.2f} {line['against']}, "
              f"target <= {line['limit']:g}: {line['verdict']}")  # fmt: skip
    if row.targets and not lines:
        print(f"  target {'; '.join(target.text(row.unit) for target in row.targets)}: not judged")
    sys.stdout.flush()


def as_json(row, contenders, lines):
    return {
        "row": row.name,
        "title": row.title,
        "unit": row.unit,
        "target": "; ".join(target.text(row.unit) for target in row.targets) or None,
        "verdicts": lines,
        "contenders": [
            {"label": c.label, "n": c.n, "failure": c.failure or None, "values": c.values, "details": c.details,
             "median": c.median if c.values else None}
            for c in contenders
        ],
    }  # fmt: skip
