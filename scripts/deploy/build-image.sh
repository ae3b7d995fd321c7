#!/usr/bin/env bash
# Builds the image of scripts/deploy/Dockerfile without Docker and without a registry of images, as
# localhost/runlog (or the name that is given), for tests and for machines that have no more than Debian:
# by Debian's buildah, on a base of Debian packages with the node of the npm package "node". Installs buildah,
# and what the tests run the image with, where they are not there: that needs root. Kept in ${XDG_CACHE_HOME:-~/.cache}/runlog
# and in buildah's own store: the base and the packages that npm has fetched.
set -euo pipefail
cd "$(dirname "$0")/../.."

image="${1:-localhost/runlog}"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/runlog"
node=node_modules/node/bin/node
# another one for another node, and for another way to make it
base="localhost/runlog-node:$("$node" --version)-$(sha256sum scripts/deploy/build-image.sh | cut -c -12)"

say() { echo "$*" >&2; }

missing=()
for program in buildah runc mmdebstrap; do
  command -v "$program" >/dev/null || missing+=("$program")
done
command -v ip >/dev/null || missing+=(iproute2)
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  install() { apt-get install -y --no-install-recommends "${missing[@]}" >/dev/null; }
  install || { apt-get update >/dev/null && install; }
fi

# Debian's essential packages and what Node links to, in a tar file
make_debian() {
  local mirror
  mirror="$(awk '/^URIs:/ { print $2; exit }' /etc/apt/sources.list.d/debian.sources)"
  mkdir -p "$cache"
  mmdebstrap --quiet --variant=essential --include=libstdc++6,ca-certificates \
    --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    bookworm "$cache/debian.tar.new" "$mirror" >&2
  mv "$cache/debian.tar.new" "$cache/debian.tar"
}

# What the official image "node" has, as far as the Dockerfile counts on it: node, npm and the user 1000
make_base() {
  local npm container
  npm="$(dirname "$(dirname "$(readlink -f "${npm_execpath:-$(command -v npm)}")")")"
  container="$(buildah from scratch)"
  buildah add --quiet "$container" "$cache/debian.tar" / >/dev/null
  buildah add --quiet --chmod 755 "$container" "$node" /usr/local/bin/node >/dev/null
  buildah add --quiet "$container" "$npm" /usr/local/lib/node_modules/npm >/dev/null
  buildah run --isolation chroot "$container" -- sh -ec '
    echo "node:x:1000:1000::/home/node:/bin/sh" >>/etc/passwd
    echo "node:x:1000:" >>/etc/group
    install -d -o node -g node /home/node
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
    ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
    # the certificates of the system instead of those that are built in: a build is given those of its host
    printf "%s\n" cafile=/etc/ssl/certs/ca-certificates.crt update-notifier=false >/usr/local/lib/node_modules/npm/npmrc'
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin --cmd node "$container"
  buildah commit --quiet --rm "$container" "$base" >/dev/null
}

if ! buildah inspect --type image "$base" >/dev/null 2>&1; then
  [ -f "$cache/debian.tar" ] || { say "making a base of Debian packages"; make_debian; }
  make_base
fi

revision="$(git rev-parse HEAD 2>/dev/null || echo unknown)"
say "building $image"
buildah build --quiet --isolation chroot --layers \
  --file scripts/deploy/Dockerfile --ignorefile scripts/deploy/Dockerfile.dockerignore \
  --volume /etc/ssl/certs:/etc/ssl/certs:ro \
  --build-arg NODE_IMAGE="$base" --build-arg REVISION="$revision" \
  --tag "$image" . >&2
echo "$image"
