#!/usr/bin/env bash
# Make a virtual environment and install silentkeys into it: .ci/install.sh .venv
# PYTHON: the interpreter. TORCH=cpu (the usual) prefers PyTorch's CPU build, TORCH=default takes what PyPI has.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}
python=${PYTHON:-python3}
cpu_index=https://download.pytorch.org/whl/cpu

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "silentkeys needs Python 3.11 or later; $python is $("$python" -V 2>&1). Set PYTHON=python3.12, say." >&2
    exit 1
fi
if [ ! -x "$venv/bin/python" ]; then
    "$python" -m venv "$venv" || { echo "Install python3-venv: apt-get install python3-venv" >&2; exit 1; }
fi
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

reachable() {
    "$venv/bin/python" - "$1" <<'PYTHON'
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1] + "/torch/", timeout=5).close()
except Exception:
    sys.exit(1)
PYTHON
}

if [ "$(uname -s)" = Linux ] && [ "${TORCH:-cpu}" = cpu ] && ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
    mapfile -t torch < <(grep -E '^torch(vision|audio)?\b' requirements.txt)
    if reachable "$cpu_index"; then
        echo "PyTorch: the CPU build from $cpu_index"
        pip install --quiet --index-url "$cpu_index" "${torch[@]}" ||
            echo "PyTorch's CPU build could not be installed; taking PyPI's, which is several GB large." >&2
    else
        echo "$cpu_index does not answer; PyTorch comes from PyPI, with CUDA, several GB large." >&2
    fi
fi
pip install --quiet -r requirements.txt
pip install --quiet --no-deps -e .
"$venv/bin/python" -m video2roll.hand_model || true # without these networks all but hands and fingering works
