// Command caddy is Caddy's standard distribution with caddy-sse plugged in,
// for `go run` and for the tests. xcaddy builds the same thing for production.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-sse/caddy-sse"
)

func main() {
	caddycmd.Main()
}
