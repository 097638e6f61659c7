//go:build !linux

package http2

import "net"

// Wrap does nothing here: there are no sessions.
func Wrap(ln net.Listener) net.Listener { return ln }
