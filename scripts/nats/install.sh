#!/usr/bin/env bash
# Installs Debian's NATS server, and openssl for its certificates, where they are not there yet: that
# needs root. What is installed is not started.
set -euo pipefail
missing=()
command -v nats-server >/dev/null || [ -x /usr/sbin/nats-server ] || missing+=(nats-server)
command -v openssl >/dev/null || missing+=(openssl)
if [ ${#missing[@]} -gt 0 ]; then
  export DEBIAN_FRONTEND=noninteractive
  # runlevel 1: what is installed is not started
  install() { RUNLEVEL=1 apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
  install || { apt-get update >/dev/null && install; }
fi
