# shellcheck shell=bash
# Helpers of ./dev, sourced by every script in this folder.

: "${MEDIA_SOURCE:?start this through ./dev}"
export MEDIA_BUILD=${MEDIA_BUILD:-$MEDIA_SOURCE/build}
# Debian's own interpreter: its python3-* packages are not visible to another one on PATH.
export PYTHON=/usr/bin/python3
export PYTHONPATH="$MEDIA_SOURCE/devtools:$MEDIA_SOURCE/t${PYTHONPATH:+:$PYTHONPATH}"
export PYTHONDONTWRITEBYTECODE=1

note() { printf '%s\n' "==> $*" >&2; }

# Exit status 2: the command line was wrong, or the machine lacks something.
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 2
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "not root and no sudo: run as root once: $*"
  fi
}
