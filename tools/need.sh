#!/bin/sh
# Tells what is missing on this machine, and how to get it, before anything is built.
# usage: tools/need.sh python|rust|node ...
set -u

fail() {
    printf '\nerror: %s\n%s\n\n' "$1" "$2" >&2
    exit 1
}

# Is version $1 at least version $2?
at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

need() {
    name=$1 version=$2 wanted=$3 hint=$4
    [ -n "$version" ] || fail "$name is not installed" "$hint"
    at_least "$version" "$wanted" || fail "$name $version is too old: $wanted or newer is needed" "$hint"
}

need_python() {
    need Python "$("${PYTHON:-python3}" -c 'import platform; print(platform.python_version())' 2>/dev/null)" 3.11 \
        "Install Python 3.11 or newer (Debian: apt-get install python3 python3-venv), or name one: make PYTHON=/path/to/python3"
    "${PYTHON:-python3}" -c 'import ensurepip' 2>/dev/null ||
        fail "this Python cannot make virtual environments" "Debian: apt-get install python3-venv"
}

need_rust() {
    need "The Rust toolchain (cargo)" "$(cargo --version 2>/dev/null | cut -d' ' -f2)" 1.88 \
        "Install it with rustup (https://rustup.rs): curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
    command -v cc >/dev/null || fail "a C compiler (cc) is not installed" "Debian: apt-get install gcc libc6-dev"
}

need_node() {
    need Node "$(node --version 2>/dev/null | tr -d v)" 20.19 \
        "Install Node 20.19 or newer: https://nodejs.org"
    command -v npm >/dev/null || fail "npm is not installed" "It comes with Node; on Debian: apt-get install npm"
}

for what in "$@"; do
    "need_$what"
done
