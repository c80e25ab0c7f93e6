#!/usr/bin/env python3
"""Makes the picture of the README from a run: ./dev demo | python3 tools/demo/capture.py > docs/demo.svg

It shows the tables and the last line of what comes in, as it came.
"""

import html
import re
import sys

WIDTH, LINE, LEFT, TOP, COLUMN = 812, 19, 16, 30, 8.0
STYLE = """text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;fill:#d0d7de;white-space:pre}
.head{font-weight:bold;fill:#ffffff}.ours{fill:#7ee787}.note{fill:#8b949e}"""
ROW = re.compile(r"^  (.{32}) ( *[\d,.]+(?: \w+)?| +bide) ( +[\d,.]+(?: \w+)?| +asyncio, python [\d.]+)(?:  (.*))?$")


def pieces(line):
    """The line as (column, class, text)."""
    row = ROW.match(line)
    if not row:
        return [(0, "head" if line.startswith("$") else "", line)]
    title, ours, theirs, note = row.groups()
    if not title.strip():
        return [(35, "head", ours), (50, "head", theirs)]
    return [(2, "", title), (35, "ours", ours), (50, "", theirs), (74, "note", note or "")]


def picture(lines):
    height = TOP + LINE * len(lines)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">',
           f"<style>{STYLE}</style>", f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#0d1117"/>']
    for number, line in enumerate(lines):
        for column, kind, text in pieces(line):
            if text.strip():
                lead = len(text) - len(text.lstrip())
                kind = f' class="{kind}"' if kind else ""
                out.append(f'<text x="{LEFT + COLUMN * (column + lead):g}" y="{TOP + LINE * number}" textLength="{COLUMN * len(text.strip()):g}"{kind}>'
                           f"{html.escape(text.strip())}</text>")
    return "\n".join([*out, "</svg>"])


came = [line.rstrip("\n") for line in sys.stdin]
rows = [number for number, line in enumerate(came) if ROW.match(line)]
last = next((line for line in reversed(came) if line.startswith("all well")), None)
if not rows or last is None:
    sys.exit("that is no complete run: ./dev demo | python3 tools/demo/capture.py > docs/demo.svg")
shown = ["$ ./dev demo"]
for number in rows:
    line = came[number]
    if not line[:35].strip():           # the heads of the columns
        shown.append("")
    shown.append(line)
print(picture([*shown, "", last]))
