#!/usr/bin/env bash
# Builds render-chart, by which tests render the Helm chart, with Debian's Go and Debian's packages of the
# libraries that Helm is made of. Installs them where they are not there: that needs root. The program is kept in
# ${XDG_CACHE_HOME:-~/.cache}/runlog. Prints its path.
set -euo pipefail
cd "$(dirname "$0")/render-chart"

cache="${XDG_CACHE_HOME:-$HOME/.cache}/runlog"
binary="$cache/render-chart-$(sha256sum main.go | cut -c -12)"
if [ -x "$binary" ]; then
  echo "$binary"
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
packages=(golang-1.19-go golang-github-masterminds-sprig-dev golang-github-xeipuuv-gojsonschema-dev golang-k8s-sigs-yaml-dev)
install() { apt-get install -y --no-install-recommends "${packages[@]}" >/dev/null; }
dpkg-query --show "${packages[@]}" >/dev/null 2>&1 || install || { apt-get update >/dev/null && install; }
mkdir -p "$cache"
GO111MODULE=off GOPROXY=off GOPATH=/usr/share/gocode GOCACHE="$cache/go-build" CGO_ENABLED=0 \
  /usr/lib/go-1.19/bin/go build -o "$binary.new" main.go >&2
mv "$binary.new" "$binary"
echo "$binary"
