#!/bin/sh
# Runs a command in each example that is a program, and so a module of its own.
set -eu
cd "$(dirname "$0")/../caddyfile-examples"
for mod in */go.mod; do
	echo "${mod%/go.mod}: $*"
	(cd "${mod%/go.mod}" && "$@")
done
