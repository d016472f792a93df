#!/bin/sh
# Install the programs that the matrix needs and that are not there, where they are Debian packages:
# `install.sh` for the quick run, `install.sh all` for the whole. npm fetches the rest, Node 22 too.
set -eu

missing=
need () { # package, program
    command -v "$2" > /dev/null || missing="$missing $1"
}
need npm npm
need chromium "${CHROMIUM:-/usr/bin/chromium}"
if [ "${1:-}" = all ]; then
    need firefox-esr "${FIREFOX:-/usr/bin/firefox-esr}"
    # litep2p's build runs it.
    need protobuf-compiler protoc
fi

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ]; then
        sudo=
    elif sudo -n true 2> /dev/null; then
        sudo='sudo -n'
    else
        echo "error: these Debian packages are needed:$missing (apt-get install$missing)" >&2
        exit 1
    fi
    $sudo apt-get update --quiet=2
    # shellcheck disable=SC2086 # words
    $sudo apt-get install --yes --quiet=2 --no-install-recommends $missing
fi

if ! command -v go > /dev/null; then
    # Debian's is older than the one that fetches what go.mod asks for.
    echo "error: Go $(sed -n 's/^go //p' "$(dirname "$0")/go/go.mod") or newer is needed: https://go.dev/dl" >&2
    exit 1
fi
echo "interop: all there"
