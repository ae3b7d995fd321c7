#!/usr/bin/env bash
# Counts the requests of a turn and times a replay, on Ceph's object gateway, which it starts.
set -euo pipefail
exec "$(dirname "$0")/with-ceph.sh" node --disable-warning=ExperimentalWarning scripts/bench-s3.ts
