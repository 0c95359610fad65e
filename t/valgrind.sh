#!/bin/sh
#
# Copyright (C) The ngx_signaling authors
#
# nginx under memcheck, started as nginx is, with -p first.  What each process
# has to say goes into memcheck.PID in that directory; the modules' functions
# are named there also after nginx has unloaded them.

exec valgrind --tool=memcheck --trace-children=yes --keep-debuginfo=yes \
    --leak-check=full --show-leak-kinds=definite,indirect \
    --errors-for-leak-kinds=none --num-callers=24 \
    --log-file="$2/memcheck.%p" "${NGINX_REAL:-/usr/sbin/nginx}" "$@"
