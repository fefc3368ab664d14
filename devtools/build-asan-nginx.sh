#!/usr/bin/env bash
# devtools/build-asan-nginx.sh DEST: nginx and the module with the address and
# undefined-behaviour sanitizers, as DEST/nginx and DEST/ngx_http_media_module.so.
# Run them with ASAN_OPTIONS=detect_leaks=0: nginx frees nothing at exit.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: ${0##*/} DEST" >&2; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
dest=$(cd "$1" && pwd)

"$root/devtools/nginx-source.sh" "$dest/source"
cd "$dest/source"

# nginx adds offsets to null pointers and calls through casted function
# pointers, so it is built with the address sanitizer only. The module gets both.
address="-fsanitize=address -fno-omit-frame-pointer"
both="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
modules=()
for name in auth_request ssl v2 slice addition sub realip stub_status gunzip gzip_static mp4; do
  modules+=("--with-http_${name}_module")
done
if [ ! -e objs/nginx ]; then
  ./configure --builddir=objs --with-compat --with-debug --with-threads --with-file-aio \
    "${modules[@]}" --with-cc-opt="-g -O1 $address" --with-ld-opt="$address" \
    >"$dest/configure.log"
  make -j2 >"$dest/make.log"
fi
cmake -S "$root" -B "$dest/module" -DCMAKE_BUILD_TYPE=Debug -DMEDIA_INDEXER=OFF -DMEDIA_TESTS=OFF \
  -DNGX_MEDIA_NGINX_SOURCE="$dest/source" -DNGX_MEDIA_NGINX_OBJS="$dest/source/objs" \
  -DCMAKE_CXX_FLAGS="-O1 $both" >"$dest/cmake.log"
cmake --build "$dest/module" -j2 --target ngx_http_media_module >>"$dest/make.log"

cp --remove-destination objs/nginx "$dest/nginx"
cp --remove-destination "$dest/module/ngx_media_module/ngx_http_media_module.so" "$dest/"
echo "$dest/nginx $dest/ngx_http_media_module.so"
