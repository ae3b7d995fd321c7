#!/usr/bin/env bash
# Makes the two servers that `npm run test:cluster` talks to: etcd, which Debian 12 packages, and
# kube-apiserver, which it does not - but its source package "kubernetes" is the whole tree and builds
# with the Go that Debian has. Takes some ten minutes on two cores, once; the binary is kept in
# ${XDG_CACHE_HOME:-~/.cache}/runlog. Prints its path. Needs apt-get, and root for it.
set -euo pipefail

cache="${XDG_CACHE_HOME:-$HOME/.cache}/runlog"
binary="$cache/kube-apiserver"
export DEBIAN_FRONTEND=noninteractive

say() { echo "$*" >&2; }

install_packages() {
  say "installing $*"
  apt-get install -y --no-install-recommends "$@" >/dev/null ||
    { apt-get update >/dev/null && apt-get install -y --no-install-recommends "$@" >/dev/null; }
}

command -v etcd >/dev/null && command -v openssl >/dev/null || install_packages etcd-server openssl

if [ -x "$binary" ]; then
  echo "$binary"
  exit 0
fi

install_packages golang-1.19-go golang-github-modern-go-reflect2-dev dpkg-dev rsync jq make gcc libc6-dev

work="$(mktemp -d)"
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT

# The machine's own lists seldom hold sources: lists of our own, with the mirror that it uses.
fetch_source() {
  local mirror
  mirror="$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)"
  mkdir -p "$work/lists/partial" "$work/archives/partial"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" \
    >"$work/sources.list"
  local options=(
    -o "Dir::Etc::sourcelist=$work/sources.list"
    -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache::archives=$work/archives"
    -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
    -o APT::Sandbox::User=root
  )
  apt-get "${options[@]}" update >/dev/null
  (cd "$work" && apt-get "${options[@]}" source --download-only kubernetes >/dev/null)
  dpkg-source --no-check -x "$work"/kubernetes_*.dsc "$work/tree" >/dev/null 2>&1
}

# The copy of reflect2 in the tree crashes when a program of Go 1.18 or newer iterates over a map.
replace_reflect2() {
  local vendored="$work/tree/vendor/github.com/modern-go/reflect2"
  rm -rf "$vendored"
  cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 "$vendored"
  rm -f "$vendored"/*_test.go
}

build() {
  mkdir -p "$work/home" "$work/tree/.go/src/k8s.io"
  ln -sfn ../../.. "$work/tree/.go/src/k8s.io/kubernetes"
  (
    cd "$work/tree"
    HOME="$work/home" GOPATH="$PWD/.go" GOPROXY=off CGO_ENABLED=0 PATH="/usr/lib/go-1.19/bin:$PATH" \
      make WHAT=cmd/kube-apiserver GOLDFLAGS="-s -w"
  ) >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; exit 1; }
}

say "fetching the sources of kubernetes"
fetch_source
replace_reflect2
say "building kube-apiserver"
build
install -D -m 755 "$work/tree/_output/local/go/bin/kube-apiserver" "$binary.new"
mv "$binary.new" "$binary"
echo "$binary"
