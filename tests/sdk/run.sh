#!/bin/sh
# usage: tests/sdk/run.sh '{"deepgram":"http://…","openai":"http://…/v1","cartesia":"http://…", …}'
# Runs the vendors' official SDKs against a running sandbox; its base URLs are the argument.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
urls=${1:?"the base URLs as one JSON object, as 'callflow sandbox --json' prints them"}
if [ -n "${SDK_VENV:-}" ]; then
    venv=$SDK_VENV
else
    venv=$(mktemp -d)
    trap 'rm -rf "$venv"' EXIT
fi
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"
export PYTHONDONTWRITEBYTECODE=1
# Side by side: most of their time is spent starting.
results=$(mktemp -d)
for script in openai_chat openai_audio cartesia_socket deepgram_listen flux_listen aura_speak; do
    {
        if "$venv/bin/python" "$here/$script.py" "$urls"; then
            echo "$script: passed"
        else
            echo "$script: FAILED" >&2
            touch "$results/failed"
        fi
    } &
done
wait
failed=0
if [ -e "$results/failed" ]; then failed=1; fi
rm -rf "$results"
exit "$failed"
