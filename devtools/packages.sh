# shellcheck shell=bash
# need_packages PURPOSE...: installs what devtools/packages/PURPOSE.txt names and is missing.

need_packages() {
  local -a missing
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "these packages are missing: ${missing[*]}"
  note "installing ${missing[*]}"
  # Servers start (and enable) services when they are installed; the stack wants only their programs.
  # In a subshell, so that the trap undoes this whatever happens.
  (
    trap 'allow_services "${missing[@]}"' EXIT
    hold_services
    apt_install "${missing[@]}" || {
      as_root apt-get update -q || true
      apt_install "${missing[@]}"
    }
  ) >&2 || die "apt-get could not install: ${missing[*]}"
}

missing_packages() {
  local purpose package
  for purpose in "$@"; do
    while read -r package; do
      case $package in '' | '#'*) continue ;; esac
      dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
        printf '%s\n' "$package"
    done <"$MEDIA_SOURCE/devtools/packages/$purpose.txt"
  done | sort -u
}

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

policy=/usr/sbin/policy-rc.d
no_cluster=/etc/postgresql-common/createcluster.d/ngx_media-dev.conf
our_mark='Written by ngx_media ./dev for the time of one installation'

hold_services() {
  if [ ! -e "$policy" ]; then
    # shellcheck disable=SC2016  # the script's own variable
    printf '%s\n' '#!/bin/sh' "# $our_mark." \
      'case "$1" in nginx*|postgresql*|pgbouncer*|ceph*|radosgw*|rbdmap*|swift*) exit 101 ;; esac' \
      'exit 0' |
      as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  as_root mkdir -p "${no_cluster%/*}"
  printf '%s\n' "# $our_mark." 'create_main_cluster = false' |
    as_root tee "$no_cluster" >/dev/null
}

allow_services() {
  if grep -q "$our_mark" "$policy" 2>/dev/null; then as_root rm -f "$policy"; fi
  as_root rm -f "$no_cluster"
  as_root rmdir --ignore-fail-on-non-empty "${no_cluster%/*}" 2>/dev/null || true
  # Packages enable their services for the next boot; nobody asked for a web server on port 80.
  command -v systemctl >/dev/null || return 0
  local package
  local -a with_units units
  for package in "$@"; do
    case $package in
      nginx) with_units=(nginx-common) ;;
      ceph-mon) with_units=(ceph-mon ceph-base) ;;
      pgbouncer | ceph-osd | radosgw | swift-*) with_units=("$package") ;;
      *) continue ;;
    esac
    mapfile -t units < <(units_of "${with_units[@]}")
    [ ${#units[@]} -eq 0 ] || as_root systemctl -q disable "${units[@]}" 2>/dev/null || true
  done
}

# units_of PACKAGE...: what of systemd's the packages have, without templates.
units_of() {
  dpkg -L "$@" 2>/dev/null | sed -nE 's#.*/systemd/system/([^@/]+[.](service|target))$#\1#p' | sort -u
}
