#!/usr/bin/env bash
# Tests against Daily's real media library: fetches the pinned wheel into a folder that is removed again, verifies
# and installs it as `callflow daily fetch` does, and runs the tests with it. Needs no Python but pip for the
# download, and not even that if the package index can be reached directly; contacts no server of Daily but for one
# room that does not exist. Bounded: ten minutes, most of them for a busy machine.
#
# Exit status 3: the wheel cannot be had, and nothing was tested.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.36.0
callflow=${CALLFLOW:-target/debug/callflow}
[ -x "$callflow" ] || cargo build --quiet

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if pip=$(command -v pip || command -v pip3) && timeout 120 "$pip" download --quiet --no-deps \
    --only-binary=:all: --dest "$folder" "daily-python==$version" --python-version 3.11 \
    --platform "manylinux_2_28_$(uname -m)" >"$folder/pip.log" 2>&1; then
    "$callflow" daily fetch --yes --data "$folder" --wheel "$(echo "$folder"/*.whl)" >/dev/null
    CALLFLOW_TEST_WHEEL=$(echo "$folder"/*.whl)
    export CALLFLOW_TEST_WHEEL
elif ! timeout 120 "$callflow" daily fetch --yes --data "$folder" >"$folder/fetch.log" 2>&1; then
    cat "$folder"/*.log
    echo "the wheel of daily-python $version cannot be had"
    exit 3
fi

export DAILY_CORE_LIBRARY="$folder/callflow/daily/$version/daily.abi3.so"
"$callflow" daily check
# What is not about the real library has been tested without it.
timeout 600 cargo test --quiet --lib the_real_library
timeout 600 cargo test --quiet --test daily_core real::
