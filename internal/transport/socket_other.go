//go:build !linux

package transport

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// There is no epoll here: every subscriber is delivered to through its
// http.ResponseWriter.
const haveSockets = false

// A Poller has nothing to poll.
type Poller struct{}

// NewPoller makes a poller.
func NewPoller() (*Poller, error) { return new(Poller), nil }

// Close ends the poller.
func (*Poller) Close() {}

// A Socket does not exist: [TakeOver] takes no connection.
type Socket struct{}

// NewSocket is not called.
func NewSocket(*Conn, Loop, *Poller, *Options, func(End)) *Socket { return nil }

// Send is not called.
func (*Socket) Send(*eventstream.Frame) {}

// Flush is not called.
func (*Socket) Flush() {}

// WhenWritten is not called.
func (*Socket) WhenWritten(func()) {}

// Waiting is not called.
func (*Socket) Waiting() int { return 0 }

// Close is not called.
func (*Socket) Close(error) {}
