#!/usr/bin/env bash
# ./dev build: everything into build/, incrementally.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

[ $# -eq 0 ] || die "build takes no arguments"
need_packages build

mkdir -p "$MEDIA_BUILD"
exec 9>"$MEDIA_BUILD/.dev-build.lock"
flock 9
# Descriptor 9 stays with this shell: what the tools leave running must not keep the lock.
if [ ! -e "$MEDIA_BUILD/build.ninja" ]; then
  cmake -S "$MEDIA_SOURCE" -B "$MEDIA_BUILD" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >&2 9>&-
fi
cmake --build "$MEDIA_BUILD" -- --quiet 9>&- | { grep -v '^ninja: no work to do' || true; } >&2
