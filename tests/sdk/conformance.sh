#!/bin/sh
# usage: tests/sdk/conformance.sh FOLDER CALLFLOW
# The vendors' official SDKs against a sandbox of CALLFLOW, and our client against aimock. What is needed of PyPI and npm is
# installed into FOLDER, once. Exit status 0: all passed; 1: something did not; 2: something cannot be installed.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
callflow=$2
AIMOCK=@copilotkit/aimock@1.43.0

for tool in python3 node npm timeout; do
    command -v "$tool" >/dev/null || { echo "there is no $tool" >&2; exit 2; }
done
# An installation that was broken off, or is of other versions, is made anew.
wanted=$(cat "$here/requirements.txt"; echo "$AIMOCK")
if [ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$folder/venv" "$folder/node_modules" "$folder/installed"
    timeout 240 sh -c "
        set -e
        python3 -m venv '$folder/venv'
        '$folder/venv/bin/python' -m pip install --quiet --disable-pip-version-check -r '$here/requirements.txt'
        cd '$folder'
        echo '{\"private\": true}' > package.json
        npm install --no-audit --no-fund --silent --ignore-scripts $AIMOCK
    " || exit 2
    printf '%s\n' "$wanted" > "$folder/installed"
fi

"$callflow" sandbox --json --port 0 > "$folder/urls.json" 2> "$folder/sandbox.log" &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true' EXIT
tries=0
until [ -s "$folder/urls.json" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ]; then echo "the sandbox did not start" >&2; cat "$folder/sandbox.log" >&2; exit 1; fi
    sleep 0.1
done

timeout 150 node "$here/aimock.mjs" "$folder" "$callflow" &
aimock=$!
status=0
SDK_VENV="$folder/venv" timeout 150 "$here/run.sh" "$(head -n 1 "$folder/urls.json")" || status=1
if wait "$aimock"; then echo "aimock: passed"; else echo "aimock: FAILED" >&2; status=1; fi
exit "$status"
