#!/bin/bash
#
# Copyright (C) The ngx_signaling authors
#
# Whether the modules compile and link into nginx itself, and what comes out
# reads their directives.
#
#     t/static.sh BUILD_DIR

set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath -m "$1")/static
source=$("$root/t/nginx_source.sh" "$1")

rm -rf "$build"
mkdir -p "$build"
cd "$source"

./configure --builddir="$build" --with-http_ssl_module --with-cc-opt=-O0 \
    --add-module="$root" > "$build/configure.log"

make -s -j2 -f "$build/Makefile" binary

cat > "$build/nginx.conf" << END
pid $build/nginx.pid;
events { }
http {
    access_log off;
    client_body_temp_path $build/body;
    proxy_temp_path $build/proxy;
    fastcgi_temp_path $build/fastcgi;
    uwsgi_temp_path $build/uwsgi;
    scgi_temp_path $build/scgi;

    signaling_zone calls 4m;
    publishable_key pk { origins *; channels **; }
    turn_server turn:turn.example.com;
    turn_secret secret;

    server {
        listen 127.0.0.1:8080;
        location = /v1 {
            signaling calls;
            signaling_ice_servers \$turn_ice_servers;
        }
        location = /turn { turn_credentials; }
    }
}
END

"$build/nginx" -t -e stderr -p "$build" -c "$build/nginx.conf"
