// Package caddysse is Caddy with Server-Sent Events: a browser's EventSource
// holds its stream with Caddy itself, and an app reaches it with one Redis
// command.
//
// Importing this package, as `xcaddy build --with` does, registers the sse app
// (package module) and its HTTP handlers (package handlers).
package caddysse

import (
	_ "github.com/caddy-sse/caddy-sse/handlers"
	_ "github.com/caddy-sse/caddy-sse/module"
)
