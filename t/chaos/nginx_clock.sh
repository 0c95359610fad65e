#!/bin/sh
#
# Copyright (C) The ngx_signaling authors
#
# nginx whose wall clock a test sets: started as nginx is, with -p first.

here=$(cd "$(dirname "$0")" && pwd)

CLOCK_FILE=$2/clock LD_PRELOAD=${CHAOS_DIR:-$here/../../build/chaos}/clock.so \
    exec "${NGINX_REAL:-/usr/sbin/nginx}" "$@"
