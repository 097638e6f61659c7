#!/bin/sh
# Ends what start.sh runs: caddyfile-examples/stop.sh chat
set -eu

run=$(cd "$(dirname "$0")" && pwd)/${1:?usage: stop.sh <example>}/.run

# is reports whether the process of a PID file runs, and is still ours: its ID
# may be another's by now.
is() {
	[ -f "$run/$1.pid" ] && case $(ps -o args= -p "$(cat "$run/$1.pid")" 2>/dev/null) in
	*start.sh* | "$run/$1"*) true ;;
	*) false ;;
	esac
}

stopped=no
for process in start gateway app; do # the first ends the others, if it is there
	is "$process" || continue
	stopped=yes
	kill "$(cat "$run/$process.pid")" 2>/dev/null || :
	tries=0
	while is "$process"; do
		tries=$((tries + 1))
		[ "$tries" -lt 20 ] || kill -9 "$(cat "$run/$process.pid")" 2>/dev/null || :
		sleep 1
	done
done
rm -f "$run/start.pid" "$run/gateway.pid" "$run/app.pid"
[ "$stopped" = yes ] && echo "$1 is stopped." || echo "$1 was not running."
