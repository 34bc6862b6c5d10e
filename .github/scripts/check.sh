#!/usr/bin/env bash
# One run: annotations on stdout, SARIF for code scanning, a summary for the job's page. Ends with the run's exit status.
set -euo pipefail

environment="${RUNNER_TEMP:?}/reglint"
programs="$environment/bin"
[ -d "$programs" ] || programs="$environment/Scripts"
sarif="$RUNNER_TEMP/reglint.sarif"
summary="$RUNNER_TEMP/reglint.md"
rm -f "$sarif" "$summary"

# The bash of macOS is 3.2: no mapfile, and an empty array counts as unset.
arguments=()
while IFS= read -r -d '' argument; do
    arguments+=("$argument")
done < <("$programs/python" -c 'import os, shlex
for word in shlex.split(os.environ.get("CHECK_ARGS", "")):
    os.write(1, os.fsencode(word) + b"\0")')

status=0
printf '%s\n' "${CHECK_PATHS:-.}" | "$programs/reglint" check --files-from - --fail-on "${FAIL_ON:-warning}" \
    --output-format github --report "sarif=$sarif" --report "markdown=$summary" \
    ${arguments[@]+"${arguments[@]}"} || status=$?

[ ! -f "$summary" ] || cat "$summary" >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
{
    echo "status=$status"
    [ ! -f "$sarif" ] || echo "sarif-file=$sarif"
} >>"${GITHUB_OUTPUT:-/dev/null}"
exit "$status"
