// Command flush is Caddy with a handler for Server-Sent Events as one would
// write it on a free afternoon: the bench's reference for what this gateway's
// own handler gains.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() { caddycmd.Main() }
