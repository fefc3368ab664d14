#!/usr/bin/env bash
# ./dev test [unit|sql|fuzz|integration|asan|crash]...: all of them by default.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

suites=(unit sql fuzz integration crash asan)
[ $# -eq 0 ] || suites=("$@")
for suite in "${suites[@]}"; do
  case $suite in
    unit | sql | fuzz | integration | crash | asan) ;;
    *) die "no such suite: $suite (unit, sql, fuzz, integration, crash, asan)" ;;
  esac
done

integration=$MEDIA_SOURCE/t/integration
run_pytest() { (cd "$integration" && "$PYTHON" -m pytest -q "$@"); }

with_postgres() { "$PYTHON" -m stack.with_postgres "$@"; }
with_object_stores() { "$PYTHON" -m stack.with_object_stores "$@"; }

test_unit() {
  with_object_stores "$PYTHON" -m stack.with_postgres \
    ctest --test-dir "$MEDIA_BUILD" --output-on-failure --progress -j "$(nproc)"
}
test_sql() { with_postgres bash "$MEDIA_SOURCE/sql/test.sh"; }
test_fuzz() { "$PYTHON" "$MEDIA_SOURCE/devtools/fuzz.py"; }
test_integration() { run_pytest -m 'not crash'; }
test_crash() { run_pytest -m crash; }
test_asan() {
  local asan=$MEDIA_SOURCE/build/asan
  bash "$MEDIA_SOURCE/devtools/build-asan-nginx.sh" "$asan"
  run_pytest -m module "--nginx=$asan/nginx" "--module=$asan/ngx_http_media_module.so"
}

need_packages build run test s3
bash "$MEDIA_SOURCE/devtools/build.sh"
for suite in "${suites[@]}"; do
  note "$suite tests"
  "test_$suite"
done
note "passed: ${suites[*]}"
