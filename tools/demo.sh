#!/usr/bin/env bash
# Runs every example of the release build.
set -u
for program in build/release/examples/*; do
    [[ -f $program && -x $program ]] || continue
    echo "--- ${program##*/}"
    "$program" || echo "exit code $?"
done
