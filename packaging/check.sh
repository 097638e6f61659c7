#!/bin/sh
# Checks the packages that release.sh has built for linux/amd64: installs the Debian package
# in a root of its own, runs what the image holds, and fills in the chart.
set -eu
cd "$(dirname "$0")/.."
HELM=${HELM:-helm.sh/helm/v3/cmd/helm@v3.22.0}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "== the Debian package"
deb=$(ls dist/caddy-sse_*_amd64.deb)
dpkg-deb --info "$deb"
dpkg-deb --contents "$deb"
# It is installed in this machine's system with a layer above it, which is thrown away.
mkdir "$folder/layer"
unshare --mount sh -eu -c '
	mount -t tmpfs layer "$2" && mkdir "$2/upper" "$2/work" "$2/root"
	mount -t overlay -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" system "$2/root"
	cp "$1" "$2/root/tmp/caddy-sse.deb"
	mount -t proc proc "$2/root/proc" && mount --rbind /dev "$2/root/dev"
	exec chroot "$2/root" sh -eu -c "
		dpkg --install /tmp/caddy-sse.deb
		getent passwd caddy
		/usr/bin/caddy sse version
		/usr/bin/caddy validate --config /etc/caddy/Caddyfile
		echo ':8080' >/etc/caddy/Caddyfile
		dpkg --install /tmp/caddy-sse.deb </dev/null
		test \"\$(cat /etc/caddy/Caddyfile)\" = ':8080'
		dpkg --remove caddy-sse
		test ! -e /usr/bin/caddy
		test -e /etc/caddy/Caddyfile
		dpkg --purge caddy-sse
		test ! -e /etc/caddy/Caddyfile
	"
' sh "$deb" "$folder/layer"

echo "== what the image holds"
image=$folder/image
mkdir -p "$image/usr/bin" "$image/etc/caddy" "$image/data" "$image/config"
cp dist/linux-amd64/caddy "$image/usr/bin/caddy"
cp packaging/Caddyfile "$image/etc/caddy/Caddyfile"
XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config chroot "$image" /usr/bin/caddy validate --config /etc/caddy/Caddyfile

echo "== the chart"
go run "$HELM" lint --strict packaging/helm/caddy-sse
go run "$HELM" template sse packaging/helm/caddy-sse --kube-version 1.34.0 >"$folder/plain.yaml"
go run "$HELM" template sse packaging/helm/caddy-sse --kube-version 1.34.0 --set autoscaling.enabled=true --set autoscaling.cpuPercent=70 >"$folder/scaled.yaml"
grep -c '^kind: ' "$folder/plain.yaml" "$folder/scaled.yaml"
echo "all is well"
