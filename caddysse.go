// Package caddysse is Caddy with Server-Sent Events: a browser's EventSource
// holds its stream with Caddy itself, and an app reaches it with one Redis
// command.
//
// Importing this package, as `xcaddy build --with` does, registers the sse app
// (package module), its HTTP handlers (package handlers), its part of the admin
// endpoint (module/admin) and the command `caddy sse` (module/command).
package caddysse

import (
	_ "github.com/caddy-sse/caddy-sse/handlers"
	_ "github.com/caddy-sse/caddy-sse/module"
	_ "github.com/caddy-sse/caddy-sse/module/admin"
	_ "github.com/caddy-sse/caddy-sse/module/command"
)
