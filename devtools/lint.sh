#!/usr/bin/env bash
# ./dev lint [format|shell|python|sql|cpp]...: formatting and static checks, all by default; reports
# all of them, then fails.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

checks=(format shell python sql cpp)
[ $# -eq 0 ] || checks=("$@")
for check in "${checks[@]}"; do
  case $check in
    format | shell | python | sql | cpp) ;;
    *) die "no such check: $check (format, shell, python, sql, cpp)" ;;
  esac
done
need_packages lint
cd "$MEDIA_SOURCE"

# Tracked files and new ones, not what is ignored or already deleted.
sources() {
  local file
  git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r file; do
    [ ! -f "$file" ] || printf '%s\n' "$file"
  done
}

lint_format() { sources '*.cpp' '*.hpp' | xargs -r clang-format --dry-run -Werror; }
lint_cpp() {
  bash devtools/build.sh
  "$PYTHON" devtools/tidy.py
}
lint_shell() { sources '*.sh' dev .ci/run | xargs -r shellcheck --external-sources; }
lint_python() { sources '*.py' | xargs -r "$PYTHON" -m pyflakes; }
lint_sql() { sqitch --chdir sql plan --no-headers >/dev/null; }

failed=()
for check in "${checks[@]}"; do
  note "$check"
  "lint_$check" || failed+=("$check")
done
[ ${#failed[@]} -eq 0 ] || { note "lint failed: ${failed[*]}" && exit 1; }
