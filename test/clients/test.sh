#!/usr/bin/env bash
# Runs the tests with real agents and clients: installs those of npm beside this file, and Chromium, nginx
# and the requests of Python from Debian, for which it needs root where they are not there yet.
set -euo pipefail
cd "$(dirname "$0")"

missing=()
[ -x /usr/bin/chromium ] || missing+=(chromium)
[ -x /usr/sbin/nginx ] || missing+=(nginx)
command -v openssl >/dev/null || missing+=(openssl)
/usr/bin/python3 -c "import requests" 2>/dev/null || missing+=(python3-requests)
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  # runlevel 1: what is installed is not started
  install() { RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
  install || { apt-get update >/dev/null && install; }
fi

# anew only if what it was made of has changed
stamp=node_modules/.made-of
made_of=$(cat package.json package-lock.json | sha256sum)
if [ "$(cat "$stamp" 2>/dev/null)" != "$made_of" ]; then
  npm ci --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error
  echo "$made_of" >"$stamp"
fi
cd ../..
npm run -s build
npx tsc -p test/clients
exec npx vitest run --config test/clients/vitest.config.ts "$@"
