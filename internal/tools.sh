#!/bin/sh
# Installs what the tests run besides Go: a Redis server and a browser.
set -eu

has() { command -v "$1" >/dev/null 2>&1; }

missing=
has redis-server || missing="redis-server"
has chromium || has google-chrome || has chromium-browser ||
	[ -d "/Applications/Google Chrome.app" ] || [ -d "/Applications/Chromium.app" ] ||
	missing="$missing chromium"
[ -n "$missing" ] || exit 0

echo "The tests need$(printf ' %s' $missing), which is not here: installing."
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
		esac
	done
else
	echo "There is neither apt-get nor brew: please install$(printf ' %s' $missing)." >&2
	exit 1
fi
