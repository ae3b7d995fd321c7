#!/usr/bin/env bash
# Runs a command with the settings of a Ceph object gateway that lives as long as the command.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap '"$here/ceph.sh" stop "$dir"; rm -rf "$dir"' EXIT
"$here/ceph.sh" start "$dir" "${S3_TEST_PORT:-19480}" >"$dir.settings"
while IFS= read -r line; do export "${line?}"; done <"$dir.settings"
rm -f "$dir.settings"
cd "$here/../.."
"$@"
