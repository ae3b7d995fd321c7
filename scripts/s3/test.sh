#!/usr/bin/env bash
# Runs the tests of the object store against Ceph's object gateway, which it installs and starts.
set -euo pipefail
exec "$(dirname "$0")/with-ceph.sh" npx vitest run --config test/vitest.config.ts --project node \
  test/adapters/s3.test.ts test/adapters/s3-faults.test.ts test/crash/two-servers.test.ts test/http/on-s3.test.ts "$@"
