#!/usr/bin/env bash
# Installs Debian's Chromium for the tests of the inspector, for which it needs root, where it is not there yet.
set -euo pipefail
[ ! -x /usr/bin/chromium ] || exit 0
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y --no-install-recommends chromium >/dev/null; }
install || { apt-get update >/dev/null && install; }
