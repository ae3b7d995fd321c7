#!/usr/bin/env bash
# Installs Debian's Prometheus, with promtool, where it is not there yet: that needs root. What is installed is not
# started.
set -euo pipefail
if ! command -v prometheus >/dev/null || ! command -v promtool >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  install() { RUNLEVEL=1 apt-get install -y --no-install-recommends prometheus >/dev/null; }
  install || { apt-get update >/dev/null && install; }
fi
