#!/bin/sh
# Compiles and runs main.cpp with nothing but what pkg-config says. usage: build.sh COMPILER OUTPUT
set -eu
here=$(dirname "$0")
flags=$(pkg-config --cflags --libs bide)
# The flags are words by design.
# shellcheck disable=SC2086
"$1" -std=c++20 "$here/main.cpp" -o "$2" $flags
exec "$2"
