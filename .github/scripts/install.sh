#!/usr/bin/env bash
# Installs reglint into an environment of its own, so that nothing of the project's changes; $PYTHON picks the interpreter.
set -euo pipefail

python="${PYTHON:-$(command -v python3 || command -v python)}"
"$python" -c 'import sys; sys.exit("reglint needs Python 3.10 or newer; run actions/setup-python before it") if sys.version_info < (3, 10) else None'

environment="${RUNNER_TEMP:?}/reglint"
"$python" -m venv "$environment"
# Windows has another name for bin.
programs="$environment/bin"
[ -d "$programs" ] || programs="$environment/Scripts"

if [ -n "${VERSION:-}" ]; then
    what="reglint==$VERSION"
else
    what="${ACTION_PATH:?}"
fi
"$programs/python" -m pip install --quiet --disable-pip-version-check "$what"
"$programs/reglint" --version
