package sse

import (
	"math"
	"runtime/debug"

	"github.com/pbnjay/memory"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/limits"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

// A kind is one of subscribers, and how the log calls as many of them as fit into
// memory.
type kind struct {
	field string
	*transport.Info
}

func kinds() []kind {
	return []kind{
		{"or_subscribers_in_the_clear", transport.Expected(1, false)},
		{"or_over_tls", transport.Expected(1, true)},
		{"or_over_http2", transport.Expected(2, true)},
	}
}

// mostFiles is how many files a subscriber takes at most.
func mostFiles() (n int64) {
	for _, t := range kinds() {
		n = max(n, int64(t.Files))
	}
	return n
}

// costChannel is about what a channel costs that remembers nothing.
const costChannel = 4 << 10

// memoryLimit is what memory the process may use: GOMEMLIMIT, which Caddy sets by
// its container's, or all that there is. 0: unknown.
func memoryLimit() int64 {
	if limit := debug.SetMemoryLimit(-1); limit != math.MaxInt64 {
		return limit
	}
	return int64(min(memory.TotalMemory(), math.MaxInt64))
}

// capacity fills in the limits that are not configured, as far as the process
// knows its own.
func (l *Limits) capacity() (a limits.Limits) {
	a = l.ofScope()
	if files := openFiles(); l.Subscribers == 0 && files > 0 {
		a.Subscribers = max(100, int(min(files, maxLimit)/mostFiles())*9/10-500) // Caddy needs some, too
	}
	if l.Subscribers == 0 {
		a.Bytes = memoryLimit() / 2
	}
	return a
}

func (l *Limits) maxChannels() int {
	switch {
	case l.Channels < 0:
		return math.MaxInt
	case l.Channels > 0:
		return l.Channels
	}
	if limit := memoryLimit(); limit > 0 {
		return max(10_000, int(limit/8/costChannel))
	}
	return math.MaxInt
}

// logCapacity says what the limits come to.
func (a *App) logCapacity() {
	c := a.capacity
	fields := []zap.Field{zap.Int("subscribers", c.Subscribers), zap.Int("channels", a.maxChannels)}
	if c.Bytes > 0 {
		for _, t := range kinds() {
			fields = append(fields, zap.Int64(t.field, c.Bytes/t.Bytes))
		}
	}
	a.log.Info("limits", fields...)
}
