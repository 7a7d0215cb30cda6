# The candidates' image where there is a registry: the official Python, pytest and the runner. Build it in the
# repository's root and name it in the configuration:
#
#   docker build -f deploy/sandbox.Dockerfile -t supercharge-sandbox:local .
#   # supercharge.toml
#   [sandbox]
#   image = "supercharge-sandbox:local"
#
# Without it the same is made from the interpreter that runs the bot, which needs no registry. Build it again when
# the bot is upgraded: the runner in it must be the bot's own.
FROM python:3.12-slim-bookworm

COPY deploy/constraints.txt /build/constraints.txt
RUN pip install --no-cache-dir -c /build/constraints.txt pytest \
    && pip uninstall --yes pip \
    && rm -r /build
COPY engine /usr/local/lib/python3.12/site-packages/engine

# What engine/sandbox/rootfs.py makes besides: pytest's settings, the places of pairs and packages, and a /tmp that
# is a pair's own directory, so that a fixed name in it is another file for each.
RUN mkdir -p /usr/local/etc /packages \
    && printf '[pytest]\n' > /usr/local/etc/sandbox-pytest.ini \
    && for slot in $(seq 0 63); do mkdir -p "/slots/$slot"; done \
    && mkdir /links \
    && ln -s /proc/self/cwd /links/tmp \
    && rm -r /tmp \
    && ln -s links/tmp /tmp \
    && python3 -m compileall -q -j0 --invalidation-mode=unchecked-hash /usr/local/lib/python3.12
