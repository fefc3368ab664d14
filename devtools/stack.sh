#!/usr/bin/env bash
# ./dev up and ./dev down: see devtools/stack/.
set -euo pipefail
. "$MEDIA_SOURCE/devtools/common.sh"
. "$MEDIA_SOURCE/devtools/packages.sh"

case " $* " in
  *' --help '* | *' -h '*) ;;
  ' up '*)
    need_packages run
    case " $* " in *' --s3 '*) need_packages s3 ;; esac
    bash "$MEDIA_SOURCE/devtools/build.sh"
    ;;
esac
exec "$PYTHON" -m stack "$@"
