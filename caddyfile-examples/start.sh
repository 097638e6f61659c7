#!/bin/sh
# Runs an example, its app and the gateway, until Ctrl-C or stop.sh:
#
#	caddyfile-examples/start.sh chat [--no-redis]
#
# The folder's Go program is the app, and gets the flags; the gateway is this
# repository's Caddy with the folder's Caddyfile, or Caddyfile.no-redis.
#
# PORT (8080) is the gateway's, APP_PORT (3000) the app's. REDIS_URL names a Redis
# server, such as redis://127.0.0.1:6379; without it the gateway stands in for one
# at REDIS_PORT (6379). CADDY names a Caddy with this module that is built already.
set -eu

die() {
	echo "$*" >&2
	exit 1
}

examples=$(cd "$(dirname "$0")" && pwd)
name=${1:-}
[ -n "$name" ] && [ -f "$examples/$name/go.mod" ] || die "usage: start.sh <example> [app flags], such as: start.sh chat"
shift
folder=$examples/$name
caddyfile=Caddyfile
for flag; do
	case $flag in -no-redis | --no-redis) caddyfile=Caddyfile.no-redis ;; esac
done

PORT=${PORT:-8080} APP_PORT=${APP_PORT:-3000} REDIS_PORT=${REDIS_PORT:-6379}
export PORT APP_PORT

# answers reports whether there is a server at a URL, whatever it says.
answers() {
	if command -v curl >/dev/null; then
		curl -s -o /dev/null --max-time 2 "$1"
	else
		wget -q -O /dev/null -T 2 -t 1 "$1" || [ $? = 8 ] # 8: it says no
	fi
}

# taken reports whether something listens at a port here, be it HTTP or not.
taken() {
	if command -v curl >/dev/null; then
		code=0
		curl -s -o /dev/null --max-time 2 "http://127.0.0.1:$1/" || code=$?
		[ "$code" != 7 ] # 7: nobody is there
	else
		answers "http://127.0.0.1:$1/"
	fi
}

# check_redis looks whether there is a Redis at REDIS_URL, if it can be told.
check_redis() {
	case $REDIS_URL in redis://*) command -v curl >/dev/null || return 0 ;; *) return 0 ;; esac
	at=${REDIS_URL#redis://}
	at=${at##*@} at=${at%%[/?]*}
	case $at in *:*) ;; *) at=$at:6379 ;; esac
	code=0
	answer=$(printf 'PING\r\nQUIT\r\n' | curl -s --max-time 3 "telnet://$at") || code=$?
	case $code,$answer in
	*,[+-]*) ;; # what it says may be that it wants a password
	[67],*) die "nothing listens at $at, which REDIS_URL names. Start a Redis there, or leave REDIS_URL out: then the gateway stands in for one." ;;
	*) die "what listens at $at is no Redis: REDIS_URL names it." ;;
	esac
}

run=$folder/.run
mkdir -p "$run"
if [ -f "$run/start.pid" ] && kill -0 "$(cat "$run/start.pid")" 2>/dev/null; then
	die "$name is running: stop.sh $name ends it"
fi
for port in "$PORT" "$APP_PORT"; do
	! taken "$port" || die "port $port is taken. PORT and APP_PORT choose others."
done
if [ -n "${REDIS_URL:-}" ]; then
	check_redis
	redis_of_gateway=$REDIS_URL
else
	REDIS_URL=redis://127.0.0.1:$REDIS_PORT
	redis_of_gateway="embedded 127.0.0.1:$REDIS_PORT"
	! taken "$REDIS_PORT" || die "port $REDIS_PORT is taken, where the gateway would stand in for Redis. REDIS_PORT chooses another. If it is a Redis, REDIS_URL=$REDIS_URL uses it."
fi
export REDIS_URL

echo "Building $name and the gateway. The first time, this takes some minutes."
(while sleep 3; do printf .; done) & # so that one sees it go on
dots=$!
trap 'kill $dots' EXIT
trap 'exit 1' INT TERM HUP
(cd "$folder" && go build -o .run/app .)
if [ -n "${CADDY:-}" ]; then
	ln -sf "$CADDY" "$run/gateway"
else
	(cd "$examples/.." && rm -f "$run/gateway" && go build -o "$run/gateway" ./cmd/caddy)
fi

kill $dots

app='' gateway=''
end() {
	trap '' INT TERM HUP
	for pid in $gateway $app; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	rm -f "$run/start.pid" "$run/app.pid" "$run/gateway.pid"
}
trap end EXIT
trap 'exit 0' INT TERM HUP
echo $$ >"$run/start.pid"

cd "$folder"
"$run/app" "$@" >"$run/app.log" 2>&1 &
app=$!
echo "$app" >"$run/app.pid"
REDIS_URL=$redis_of_gateway "$run/gateway" run --adapter caddyfile --config "$caddyfile" >"$run/gateway.log" 2>&1 &
gateway=$!
echo "$gateway" >"$run/gateway.pid"

# both reports whether both run.
both() { kill -0 "$app" 2>/dev/null && kill -0 "$gateway" 2>/dev/null; }
# pause lets a signal through at once.
pause() {
	sleep "$1" &
	wait $! || :
}

tries=0
until answers "http://127.0.0.1:$APP_PORT/" && answers "http://127.0.0.1:$PORT/"; do
	tries=$((tries + 1))
	both && [ "$tries" -lt 30 ] || break
	pause 1
done
if both && [ "$tries" -lt 30 ]; then
	echo "$name: http://localhost:$PORT (Ctrl-C ends it; logs are in $run)"
	while both; do pause 1; done
fi
for log in app gateway; do
	echo "---- the end of $run/$log.log"
	tail -n 5 "$run/$log.log"
done >&2
die "$name has ended: one of the two is down, and so the other is, too"
