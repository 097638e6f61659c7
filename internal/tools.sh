#!/bin/sh
# Installs what the tests run besides Go: a Redis server, a browser, nginx,
# Prometheus, Node's and Python's Redis clients, ip(8), and fonts for the names in
# the pictures of pages. Elsewhere than on Debian and its like the last five are left
# out, and their tests skip.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

missing=
need() { missing="$missing $1"; }

has redis-server || need redis-server
has chromium || has google-chrome || has chromium-browser ||
	[ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ] ||
	need chromium
has nginx || [ -x /usr/sbin/nginx ] || need nginx
if has apt-get; then
	has node || need nodejs
	[ -d /usr/share/nodejs/redis ] || need node-redis
	/usr/bin/python3 -c 'import redis' 2>/dev/null || need python3-redis
	has promtool || need prometheus
	has ip || need iproute2
	fonts=/usr/share/fonts
	[ -f $fonts/opentype/noto/NotoSansCJK-Regular.ttc ] || need fonts-noto-cjk
	[ -f $fonts/truetype/dejavu/DejaVuSans.ttf ] || need fonts-dejavu-core # for Arabic
fi
[ -n "$missing" ] || exit 0

echo "The tests need$missing, which is not here: installing."
if has apt-get; then
	sudo=
	[ "$(id -u)" = 0 ] || sudo=sudo
	$sudo apt-get update -qq
	# shellcheck disable=SC2086 # a list of packages
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing
elif has brew; then
	for package in $missing; do
		case $package in
		redis-server) brew install redis ;;
		chromium) brew install --cask chromium ;;
		*) brew install "$package" ;;
		esac
	done
else
	echo "There is neither apt-get nor brew: please install$missing." >&2
	exit 1
fi
