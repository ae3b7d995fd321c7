#!/usr/bin/env bash
# Pushes a run while the server is killed again and again: KILLS says how often. The conformance
# suite, whose tests partly ask for what sessions do not have (docs/durable-streams.md), is run by
# `npx vitest run conformance.streams` here.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error
(cd ../.. && npx tsc -b src/entry)
exec npx vitest run producer.kills "$@"
