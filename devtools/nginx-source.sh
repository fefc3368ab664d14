#!/usr/bin/env bash
# devtools/nginx-source.sh DEST: Debian's nginx source, patched, in DEST.
# Leaves /etc/apt and the package lists of the system alone, and needs no root.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: ${0##*/} DEST" >&2; exit 2; }
[ ! -e "$1/configure" ] || { echo "$1: there already"; exit 0; }
command -v dpkg-source >/dev/null || { echo "install dpkg-dev" >&2; exit 1; }

mkdir -p "$1"
dest=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/lists/partial "$work"/archives/partial "$work"/parts

# The system's own sources, as source entries.
for file in /etc/apt/sources.list.d/*.sources; do
  [ -e "$file" ] || continue
  sed -E 's/^Types:.*/Types: deb-src/' "$file" >"$work/parts/$(basename "$file")"
done
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
  [ -e "$file" ] || continue
  sed -nE 's/^deb(-src)?[[:space:]]/deb-src /p' "$file" >"$work/parts/$(basename "$file")"
done

apt_options=(
  -o Dir::Etc::sourcelist=/dev/null
  -o Dir::Etc::sourceparts="$work/parts"
  -o Dir::State::lists="$work/lists"
  -o Dir::Cache="$work"
  -o Dir::Cache::archives="$work/archives"
  -o Acquire::Languages=none
  -o APT::Sandbox::User=root
)
apt-get "${apt_options[@]}" -qq update

# The installed version first; a mirror may list a newer one that it does not have.
installed=$(dpkg-query -W -f '${source:Version}\n' nginx-dev nginx 2>/dev/null | head -n 1 || true)
listed=$(apt-cache "${apt_options[@]}" showsrc nginx | sed -n 's/^Version: //p' | sort -rV | uniq)
cd "$work"
for version in $installed $listed; do
  if apt-get "${apt_options[@]}" -qq source "nginx=$version" >"$work/log" 2>&1; then
    cp -a nginx-*/. "$dest"
    echo "$dest: nginx $version"
    exit 0
  fi
done
cat "$work/log" >&2
exit 1
