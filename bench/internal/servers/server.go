//go:build linux

// Package servers starts what is measured.
package servers

import (
	"github.com/caddy-sse/caddy-sse/bench/internal/publish"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

// A Server is a running server.
type Server struct {
	Target subscribers.Target
	// History is where this gateway has channels with history: their names
	// begin with [HistoryPrefix].
	History   subscribers.Target
	Publisher publish.Publisher
	// PID is the process whose CPU time and memory count, with all that
	// descend from it.
	PID int
	// Admin is the host:port of this gateway's admin endpoint; off without one.
	Admin string
	// Stop ends it, if it was started here.
	Stop func()
}

// HistoryPrefix sets channels with history apart from those without.
const HistoryPrefix = "history."

// Gateways are those of them that are this gateway.
var Gateways = []string{"h1", "h1+tls", "h2", "h2+wrapper", "h3"}

// Own are the names of the servers that can be started here.
var Own = []string{"floor", "h1", "h1+tls", "h2", "h2+wrapper", "h3", "flush"}
