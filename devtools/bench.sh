#!/usr/bin/env bash
# ./dev bench [serve|ingest]: both by default. Method: bench/README.md.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

benchmarks=(serve ingest)
[ $# -eq 0 ] || benchmarks=("$@")
for benchmark in "${benchmarks[@]}"; do
  case $benchmark in
    serve | ingest) ;;
    *) die "no such benchmark: $benchmark (serve, ingest)" ;;
  esac
done

need_packages build run bench
bash "$MEDIA_SOURCE/devtools/build.sh"
export PYTHONPATH="$PYTHONPATH:$MEDIA_SOURCE"
for benchmark in "${benchmarks[@]}"; do
  note "benchmark: $benchmark"
  "$PYTHON" -m "bench.$benchmark"
done
