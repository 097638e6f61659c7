#!/bin/sh
# Builds what is released into dist/: programs, archives, Debian packages, and their
# checksums. The same commit and the same Go give the same bytes.
#
#	VERSION=v1.2.3 sh packaging/release.sh [os/arch...]
#
# It begins with an empty dist/.
set -eu
cd "$(dirname "$0")/.."

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# Without a tag: as Go names a commit.
VERSION=${VERSION:-$(git describe --tags --exact-match 2>/dev/null ||
	echo "v0.0.0-$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)-$(git rev-parse --short=12 HEAD)")}
export VERSION SOURCE_DATE_EPOCH
NFPM=${NFPM:-github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2}
[ $# -gt 0 ] || set -- linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# archive <archive without its end> <folder> <files...>: all of a fixed owner, time and order.
archive() {
	to=$1 from=$2
	shift 2
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
		-cf - -C "$from" "$@" | gzip -9n >"$to.tar.gz"
}

rm -rf dist
for target in "$@"; do
	os=${target%/*} ARCH=${target#*/}
	folder=dist/$os-$ARCH program=caddy
	[ "$os" != windows ] || program=caddy.exe
	export ARCH BINARY="$folder/$program"
	echo "building $BINARY"
	mkdir -p "$folder"
	CGO_ENABLED=0 GOOS=$os GOARCH=$ARCH go build -trimpath -ldflags "-s -w -buildid= -X github.com/caddy-sse/caddy-sse/internal/buildinfo.released=$VERSION" -o "$BINARY" ./cmd/caddy
	cp README.md LICENSE CHANGELOG.md packaging/Caddyfile "$folder"
	archive "dist/caddy-sse-$VERSION-$os-$ARCH" "$folder" "$program" README.md LICENSE CHANGELOG.md Caddyfile
	if [ "$os" = linux ]; then
		# shellcheck disable=SC2016 # nfpm fills in what is in the file
		go run "$NFPM" package --config packaging/deb/nfpm.yaml --packager deb --target "dist/caddy-sse_${VERSION#v}_$ARCH.deb"
	fi
done
(cd dist && find . -maxdepth 1 -type f ! -name SHA256SUMS | sed 's|^\./||' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
cat dist/SHA256SUMS
