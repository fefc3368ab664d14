#!/usr/bin/env bash
# ./dev bench [NAME [ARGUMENT...]]: serve and ingest by default. Method: bench/README.md.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

benchmark() {
  note "benchmark: $1"
  "$PYTHON" -m "bench.$1" "${@:2}"
}

case ${1:-} in
  '' | serve | ingest | memory | growth | redirects | storage) ;;
  *) die "no such benchmark: $1 (serve, ingest, memory, growth, redirects, storage)" ;;
esac

need_packages build run bench
case ${1:-} in storage) need_packages s3 ;; esac
command -v npm >/dev/null || apt_install npm
bash "$MEDIA_SOURCE/devtools/build.sh"
export PYTHONPATH="$PYTHONPATH:$MEDIA_SOURCE"
if [ $# -gt 0 ]; then
  benchmark "$@"
else
  benchmark serve
  benchmark ingest
fi
