#!/bin/sh
# A private Docker engine for candidates: started, stopped and looked at, without touching any other.
#
#   deploy/engine.sh start     starts it unless some engine already answers; waits until it does
#   deploy/engine.sh stop      stops the one that this script started, and no other
#   deploy/engine.sh status    says which engine answers; exit 3 if none does
#
# Its socket is /run/supercharge/docker.sock, which the sandbox looks at by itself. It has no
# network at all: candidates never get one, and images are built from the interpreter that runs here.
# Where gVisor is installed (runsc) and works on this kernel, the engine has it as the runtime "runsc".
# Places can be moved by SUPERCHARGE_ENGINE_RUN and SUPERCHARGE_ENGINE_DATA.
set -eu

run_dir=${SUPERCHARGE_ENGINE_RUN:-/run/supercharge}
data_root=${SUPERCHARGE_ENGINE_DATA:-/var/lib/supercharge/docker}
exec_root=$run_dir/docker
socket=$run_dir/docker.sock
pid_file=$run_dir/docker.pid
log=$run_dir/docker.log
config=$run_dir/daemon.json
wait_s=${SUPERCHARGE_ENGINE_WAIT:-60}

# Clients newer than the engine must be told the version that it speaks.
DOCKER_API_VERSION=${DOCKER_API_VERSION:-1.41}
export DOCKER_API_VERSION

say() { printf '%s\n' "engine: $*"; }

fail() {
    printf '%s\n' "engine: $*" >&2
    exit 3
}

# The same, and what the engine itself said last.
fail_with_log() {
    printf '%s\n' "engine: $*; the end of $log:" >&2
    if [ -s "$log" ]; then tail -n 15 "$log" >&2; fi
    exit 3
}

answers() { timeout 10 docker -H "$1" info >/dev/null 2>&1; }

# The first engine that answers, in the order in which the sandbox looks for one.
found() {
    for host in "${DOCKER_HOST:-}" unix:///var/run/docker.sock "unix://$socket"; do
        if [ -n "$host" ] && answers "$host"; then
            printf '%s\n' "$host"
            return 0
        fi
    done
    return 1
}

our_pid() {
    [ -s "$pid_file" ] || return 1
    pid=$(cat "$pid_file")
    # A stale file may name a process that is somebody else's by now.
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q -F -- "$socket" || return 1
    printf '%s\n' "$pid"
}

# The engine's settings, its runtimes, into $config. Our own file: the one in /etc is another engine's.
configure() {
    runtimes=""
    if command -v runsc >/dev/null 2>&1; then
        if words=$(timeout 30 runsc --network=none do true 2>&1); then
            runtimes="\"runsc\": {\"path\": \"$(command -v runsc)\", \"runtimeArgs\": [\"--network=none\"]}"
        else
            say "gVisor does not work on this machine: $(printf '%s' "$words" | tail -n 1)"
        fi
    fi
    printf '{"runtimes": {%s}}\n' "$runtimes" >"$config.new"
    mv "$config.new" "$config"
}

# gVisor may have come, or gone, since our engine was started: it reads its settings anew, and goes on.
reconfigure() {
    [ "$(id -u)" = 0 ] && pid=$(our_pid) || return 0
    tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -F -- "$config" || return 0
    before=$(cat "$config")
    configure
    [ "$before" = "$(cat "$config")" ] || kill -HUP "$pid"
}

start() {
    if host=$(found); then
        if [ "$host" = "unix://$socket" ]; then reconfigure; fi
        say "$host answers already; nothing to start"
        return 0
    fi
    for program in docker dockerd containerd; do
        command -v "$program" >/dev/null 2>&1 ||
            fail "$program is not installed; try: apt-get install docker.io"
    done
    [ "$(id -u)" = 0 ] || fail "starting an engine needs root; try: sudo $0 start"
    mkdir -p "$run_dir" "$exec_root" "$data_root"
    if pid=$(our_pid); then
        say "waiting for the engine that is starting as process $pid"
    else
        rm -f "$pid_file" "$socket"
        configure
        # --bridge=none would delete the docker0 of another engine on this machine.
        if [ -e /sys/class/net/docker0 ]; then
            network="--bridge=docker0"
        else
            network="--bridge=none"
        fi
        setsid nohup dockerd \
            --host "unix://$socket" --data-root "$data_root" --exec-root "$exec_root" \
            --config-file "$config" --pidfile "$pid_file" \
            --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false "$network" --log-level warn \
            --containerd-namespace supercharge --containerd-plugins-namespace supercharge-plugins \
            >"$log" 2>&1 </dev/null &
        starter=$!
    fi
    waited=0
    while ! answers "unix://$socket"; do
        if [ -n "${starter:-}" ] && ! kill -0 "$starter" 2>/dev/null && ! our_pid >/dev/null; then
            fail_with_log "the engine ended while starting"
        fi
        if [ "$waited" -ge $((wait_s * 5)) ]; then
            fail_with_log "the engine did not answer within $wait_s s"
        fi
        sleep 0.2
        waited=$((waited + 1))
    done
    say "unix://$socket answers (process $(our_pid), log in $log)"
}

stop() {
    if ! pid=$(our_pid); then
        say "none of ours runs"
        return 0
    fi
    kill -TERM "$pid"
    waited=0
    while kill -0 "$pid" 2>/dev/null; do
        if [ "$waited" -ge 150 ]; then
            fail_with_log "process $pid did not stop within 30 s"
        fi
        sleep 0.2
        waited=$((waited + 1))
    done
    rm -f "$pid_file" "$socket"
    say "stopped"
}

status() {
    host=$(found) || fail "no engine answers; try: $0 start"
    say "$host answers, $(docker -H "$host" version --format 'Docker {{.Server.Version}}')"
}

case "${1:-}" in
start) start ;;
stop) stop ;;
status) status ;;
*)
    printf 'usage: %s start|stop|status\n' "$0" >&2
    exit 2
    ;;
esac
