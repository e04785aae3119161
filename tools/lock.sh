#!/usr/bin/env bash
# Resolves the workspace anew and writes requirements.lock: exact versions with hashes, for every platform.
# uv.lock itself is not kept: it records where each file was downloaded from, which differs from mirror to mirror.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$(command -v uv || echo .venv/bin/uv)
"$uv" lock --quiet ${UPGRADE:+--upgrade}
"$uv" export --quiet --locked --no-emit-workspace --all-extras --all-groups --no-header --no-annotate \
    --format requirements-txt --output-file requirements.lock
