#!/bin/sh
# Fetches GitHub's own descriptions of its API and webhooks, and example payloads, which the tests hold
# the client and the loopback GitHub against. Once: what is there already stays.
set -eu
cd "$(dirname "$0")/.."

openapi=23.0.2
webhooks=7.6.1
into=.cache/octokit
mark="$into/openapi-$openapi-webhooks-$webhooks"
[ -f "$mark" ] && exit 0

if ! command -v npm >/dev/null 2>&1; then
    echo "setup: npm is missing: install it, then run sh deploy/octokit.sh; the tests of bot/forge need it" >&2
    exit 3
fi
rm -rf "$into"
mkdir -p "$into/packed"
# The packages' archives are enough; unpacked and whole they are 400 MB.
npm pack --silent --pack-destination "$into/packed" "@octokit/openapi@$openapi" \
    "@octokit/webhooks-schemas@$webhooks" "@octokit/webhooks-examples@$webhooks" >/dev/null
tar -xzf "$into/packed/octokit-openapi-$openapi.tgz" -C "$into" --strip-components=2 \
    package/generated/api.github.com.json
tar -xzf "$into/packed/octokit-webhooks-schemas-$webhooks.tgz" -C "$into" --strip-components=1 \
    package/schema.json
tar -xzf "$into/packed/octokit-webhooks-examples-$webhooks.tgz" -C "$into" --strip-components=1 \
    package/api.github.com
rm -rf "$into/packed"
touch "$mark"
