package sse

import (
	"math"
	"net/http"
	"runtime/debug"

	"github.com/pbnjay/memory"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/admission"
)

// About what a subscriber costs, in bytes: its socket, with TLS, or an
// http.ResponseWriter with the goroutine that serves it (see bench).
const (
	costSocket   = 4 << 10
	costTLS      = 18 << 10
	costResponse = 96 << 10
)

// costChannel is about what a channel costs that remembers nothing.
const costChannel = 4 << 10

// CostOf is about what the subscriber of a request will cost, in bytes.
func CostOf(r *http.Request) int64 {
	switch {
	case r.ProtoMajor != 1:
		return costResponse
	case r.TLS != nil:
		return costTLS
	}
	return costSocket
}

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
func (l *Limits) capacity() (a admission.Limits) {
	a = l.admission()
	if files := openFiles(); l.Subscribers == 0 && files > 0 {
		a.Subscribers = max(100, int(min(files, maxLimit))*9/10-500) // Caddy needs some, too
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
		fields = append(fields, zap.Int64("or_subscribers_in_the_clear", c.Bytes/costSocket),
			zap.Int64("or_over_tls", c.Bytes/costTLS), zap.Int64("or_over_http2", c.Bytes/costResponse))
	}
	a.log.Info("limits", fields...)
}
