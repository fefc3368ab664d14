#!/usr/bin/env bash
# ./dev run: the demo in the foreground. See devtools/demo/.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

[ $# -eq 0 ] || die "run takes no arguments"
need_packages run
note "building (the first time takes some minutes)"
bash "$MEDIA_SOURCE/devtools/build.sh"
exec "$PYTHON" -m demo
