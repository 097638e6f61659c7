// Package caddysse is Caddy with Server-Sent Events: a browser's EventSource
// holds its stream with Caddy itself, and an app reaches it with one Redis
// command.
//
// Importing this package, as `xcaddy build --with` does, registers the sse app
// (package module), its HTTP handlers (package handlers), its part of the admin
// endpoint (module/admin), its listener wrapper (module/listener) and the command
// `caddy sse` (module/command).
//
// A message goes one way, and takes no lock that a subscriber could hold up:
//
//	Redis → broker/redis → feed → hub → one loop a core → transport → socket
//
// broker/redis reads one connection for all channels. feed hands live messages on, and
// reads the Redis stream of a channel with history, once and in order, whatever happens
// to the connection. hub remembers, encodes each event once for all, and replays what
// those who come back have missed. transport writes without blocking.
//
// A request goes one way, too:
//
//	handlers/subscribe → gateway.Open → hub and transport
//
// The handler reads the request. Open is the life of a subscription: it joins, waits
// until the channels are subscribed, writes the head, delivers, and leaves, once. Over
// HTTP/1.1 on Linux the handler returns at once, and the socket belongs to a loop.
//
// A gateway outlives configurations, and so do its subscribers. ARCHITECTURE.md has the
// rest: all rooms, the order of locks, who waits for which goroutine.
package caddysse

import (
	_ "github.com/caddy-sse/caddy-sse/handlers"
	_ "github.com/caddy-sse/caddy-sse/module"
	_ "github.com/caddy-sse/caddy-sse/module/admin"
	_ "github.com/caddy-sse/caddy-sse/module/command"
	_ "github.com/caddy-sse/caddy-sse/module/listener"
)
