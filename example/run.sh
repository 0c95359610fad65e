#!/bin/bash
#
# Starts the example site: nginx with both modules, and coturn with the same
# secret, in the foreground until Ctrl-C.  Called by `make run` as
#
#     example/run.sh BUILD_DIR
#
# BUILD_DIR holds the two modules.  From the environment:
#
#     PORT        of the page, 8080
#     TURN_PORT   of coturn, 3478, or the next free one
#     TURN_HOST   address of coturn, this machine's own
#     SDK_DIR     the unpacked npm package @metered-ca/realtime
#
# Everything written is in run/ of the checkout: the secret (made on the first
# start and then kept), the two configurations, logs, pid files.

set -euo pipefail
umask 022

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
run=$root/run
secret_file=$run/turn-secret

say() { printf '%s\n' "$*"; }

die() {
    printf 'example/run.sh: %s\n' "$*" >&2
    exit 1
}


# --- what has to be there ----------------------------------------------------

[ $# -eq 1 ] || die "usage: example/run.sh BUILD_DIR"

modules=$(cd "$1" 2> /dev/null && pwd) || die "no directory $1; run make first"

for module in ngx_signaling_module.so ngx_turncred_module.so; do
    [ -r "$modules/$module" ] || die "no $module in $1; run make first"
done

# Both live in directories that are not in everybody's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

for program in nginx turnserver; do
    command -v $program > /dev/null \
        || die "$program is not installed: apt-get install nginx coturn"
done

sdk=
for dir in "${SDK_DIR:-}" "$root/node_modules/@metered-ca/realtime" \
           "$root/t/node_modules/@metered-ca/realtime"; do
    if [ -n "$dir" ] && [ -r "$dir/dist/index.mjs" ]; then
        sdk=$dir/dist/index.mjs
        break
    fi
done
[ -n "$sdk" ] || die "the SDK @metered-ca/realtime is missing: run npm ci," \
                     "or set SDK_DIR to the unpacked package"

# A path goes into both configurations and through sed; what would need
# quoting there is refused rather than guessed at.
case $root$modules in
    *[!A-Za-z0-9_./+-]*) die "the path of this checkout has a character that" \
                             "nginx.conf would have to quote: $root" ;;
esac


# --- ports -------------------------------------------------------------------

# Reads /proc, so that no package is needed for it; state 0A is LISTEN, and a
# UDP socket in use has state 07.
port_taken() {
    local hex
    hex=$(printf '%04X' "$1")
    awk -v port="$hex" '
        FNR > 1 {
            n = split($2, local, ":")
            if (local[n] == port && ($4 == "0A" || $4 == "07")) found = 1
        }
        END { exit !found }
    ' /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 2> /dev/null
}

check_port() {
    case $2 in
        ''|*[!0-9]*) die "$1=$2 is no port number" ;;
    esac
    if [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
        die "$1=$2 is no port number"
    fi
}

port=${PORT:-8080}
check_port PORT "$port"

if port_taken "$port"; then
    if [ -r "$run/nginx.pid" ] && kill -0 "$(cat "$run/nginx.pid")" 2> /dev/null
    then
        die "this site is already running (nginx has pid" \
            "$(cat "$run/nginx.pid")); stop it, or choose another port for" \
            "a second checkout: PORT=8081 make run"
    fi
    die "port $port is taken by another program; choose another one:" \
        "PORT=$((port + 1)) make run"
fi

if [ -n "${TURN_PORT:-}" ]; then
    turn_port=$TURN_PORT
    check_port TURN_PORT "$turn_port"
    ! port_taken "$turn_port" \
        || die "port $turn_port is taken by another program; choose another" \
               "TURN_PORT"
else
    # Debian starts a coturn of its own when the package is installed.
    turn_port=3478
    while port_taken "$turn_port"; do
        turn_port=$((turn_port + 1))
        [ "$turn_port" -lt 3578 ] || die "no free port for coturn; set TURN_PORT"
    done
    [ "$turn_port" -eq 3478 ] \
        || say "Port 3478 is taken (a coturn of the system?); using $turn_port."
fi


# --- addresses ---------------------------------------------------------------

# Firefox does not use a relay on 127.0.0.1, so the machine's own address is
# better where there is one.
turn_host=${TURN_HOST:-}
if [ -z "$turn_host" ]; then
    for address in $(hostname -I 2> /dev/null || true); do
        case $address in
            *:*) ;;
            *) turn_host=$address; break ;;
        esac
    done
    turn_host=${turn_host:-127.0.0.1}
fi

case $turn_host in
    127.*)
        listening_ips="listening-ip=$turn_host"
        loopback_peers=allow-loopback-peers
        ;;
    *[!0-9.]*)
        die "TURN_HOST=$turn_host is no IPv4 address"
        ;;
    *)
        listening_ips="listening-ip=127.0.0.1\\nlistening-ip=$turn_host"
        loopback_peers="# allow-loopback-peers: not needed, relay-ip is $turn_host"
        ;;
esac

listen_ipv6="# listen [::1]:$port: this machine has no IPv6"
if [ -r /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
    listen_ipv6="listen [::1]:$port;"
fi


# --- the run directory -------------------------------------------------------

mkdir -p "$run/sdk" "$run/temp"
cp "$sdk" "$run/sdk/realtime.js"

if [ ! -s "$secret_file" ]; then
    (umask 077
     od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$secret_file.new")
    mv "$secret_file.new" "$secret_file"
fi

# Whom the servers run as.  Started as root, both give that up: workers of
# nginx become www-data, coturn becomes turnserver.  That takes a checkout
# which these two can reach; below a closed directory such as /root they
# cannot, and opening that to everybody would be worse than what is done then:
# both stay root, but without any capability (setgid is left, for nginx calls
# initgroups() even so), and nginx listens on this machine only in any case.
user="# user: not started by root"
proc_user="# proc-user: not started by root"
bare=()
mkdir -p "$run/coturn"

reachable_for() {
    setpriv --reuid "$1" --regid "$1" --clear-groups \
            test -r "$root/example/site/index.html" -a -x "$run" 2> /dev/null
}

if [ "$(id -u)" -eq 0 ]; then
    if reachable_for www-data && reachable_for turnserver; then
        user="user www-data;"
        proc_user="proc-user=turnserver\\nproc-group=turnserver"
        chown turnserver: "$run/coturn"
    else
        user="user root;"
        proc_user="# proc-user: could not reach this directory"
        bare=(setpriv --bounding-set=-all,+setgid --inh-caps=-all --no-new-privs)
    fi
fi

# fill TEMPLATE: the template with the values of this start.
fill() {
    sed -e "s|@ROOT@|$root|g" \
        -e "s|@RUN@|$run|g" \
        -e "s|@MODULES@|$modules|g" \
        -e "s|@USER@|$user|g" \
        -e "s|@PROC_USER@|$proc_user|g" \
        -e "s|@PORT@|$port|g" \
        -e "s|@LISTEN_IPV6@|$listen_ipv6|g" \
        -e "s|@TURN_HOST@|$turn_host|g" \
        -e "s|@TURN_PORT@|$turn_port|g" \
        -e "s|@TURN_SECRET_FILE@|$secret_file|g" \
        -e "s|@TURN_SECRET@|$(cat "$secret_file")|g" \
        -e "s|@LISTENING_IPS@|$listening_ips|g" \
        -e "s|@LOOPBACK_PEERS@|$loopback_peers|g" \
        -e "s|@MIN_PORT@|49152|g" \
        -e "s|@MAX_PORT@|49999|g" \
        "$1"
}

fill "$root/example/nginx.conf.in" > "$run/nginx.conf"
(umask 077; rm -f "$run/turnserver.conf"
 fill "$root/example/turnserver.conf.in" > "$run/turnserver.conf")


# --- start and stop ----------------------------------------------------------

turn_pid=
nginx_pid=
stopping=

stop() {
    stopping=yes
    trap '' INT TERM HUP
    for pid in $nginx_pid $turn_pid; do
        kill -TERM "$pid" 2> /dev/null || true
    done
    wait
    rm -f "$run/nginx.pid" "$run/turnserver.pid"
}

trap 'stop; say; say "Stopped."; exit 0' INT TERM HUP
trap '[ -n "$stopping" ] || stop' EXIT

# -e keeps nginx from opening the log that was compiled in, before it has
# read its configuration.
: > "$run/nginx-error.log"
nginx=("${bare[@]}" nginx -e "$run/nginx-error.log" -p "$run"
       -c "$run/nginx.conf")

"${nginx[@]}" -t -q || die "nginx refuses run/nginx.conf, see above"

"${bare[@]}" turnserver -c "$run/turnserver.conf" > "$run/turnserver.log" 2>&1 &
turn_pid=$!

"${nginx[@]}" &
nginx_pid=$!

# alive PID: whether a child still runs.
alive() { kill -0 "$1" 2> /dev/null; }

for _ in $(seq 100); do
    if port_taken "$port" && port_taken "$turn_port"; then
        break
    elif ! alive "$nginx_pid" || ! alive "$turn_pid"; then
        break
    fi
    sleep 0.1
done

if alive "$nginx_pid" && alive "$turn_pid"; then
    say
    say "    The page:  http://localhost:$port"
    say "    The relay: coturn at $turn_host:$turn_port"
    say "    Logs:      run/nginx-error.log, run/turnserver.log"
    say
    say "Open the page in two tabs for a call.  Ctrl-C stops everything."

    # Returns as soon as one of them is gone, or at a signal.
    wait -n "$nginx_pid" "$turn_pid" || true
fi

if alive "$nginx_pid"; then
    name=coturn log=$run/turnserver.log
else
    name=nginx log=$run/nginx-error.log
fi

stop
printf '\n%s ended; the last lines of its log:\n\n' "$name" >&2
tail -n 8 "$log" >&2
exit 1
