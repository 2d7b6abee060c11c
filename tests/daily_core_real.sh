#!/usr/bin/env bash
# Tests against Daily's real media library: fetches the pinned wheel into a folder that is removed again, and
# runs the tests with it. Needs pip for the download and no Python afterwards; contacts no server of Daily
# but for one room that does not exist.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
pip download --quiet --no-deps --only-binary=:all: --dest "$folder" daily-python==0.36.0 \
    --python-version 3.11 --platform "manylinux_2_28_$(uname -m)"
wheel=$(echo "$folder"/*.whl)
unzip -q "$wheel" daily/daily.abi3.so -d "$folder"

export DAILY_CORE_LIBRARY="$folder/daily/daily.abi3.so" CALLFLOW_TEST_WHEEL="$wheel"
cargo test --lib daily::core
cargo test --test daily_core
