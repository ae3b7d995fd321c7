#!/usr/bin/env bash
# Runs the conformance suite of Durable Streams, whose verdicts are in verdicts.json (docs/durable-streams.md), and its client and
# transport; pushes a run while the server is killed every second, for KILL_SECONDS (default 8). With arguments: only the tests that they name.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error
(cd ../.. && npx tsc -b src/entry)
if [ $# -gt 0 ]; then exec npx vitest run "$@"; fi
node --disable-warning=ExperimentalWarning conformance.ts
exec npx vitest run producer.kills transport
