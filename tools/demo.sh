#!/usr/bin/env bash
# The show of ./dev demo, after the examples of the release preset are built. The show itself is tools/demo/show.py.
set -eu
cd "$(dirname "$0")/.."
python=/usr/bin/python3
[[ -x $python ]] || python=python3
PYTHONDONTWRITEBYTECODE=1 exec "$python" tools/demo/show.py "$@"
