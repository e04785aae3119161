#!/usr/bin/env bash
# Makes the virtual environment $1 from requirements.lock (versions and hashes), then adds the two distributions of this
# repository, editable. uv comes from the package index when it is not on PATH.
set -euo pipefail
venv=$1
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "tidegauge needs Python 3.11 or newer; $python is $("$python" --version). Set PYTHON=/path/to/python3.11" >&2
    exit 2
}
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    [ -x "$venv/bin/uv" ] || "$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
    uv=$venv/bin/uv
fi
# The system's certificates, as pip uses them: behind a company's proxy there are no others.
export UV_SYSTEM_CERTS=${UV_SYSTEM_CERTS:-1}
"$uv" pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements.lock
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps -e schemas -e .
