// Package embedded is a server in this process that speaks Redis, for trying things
// out with nothing installed.
package embedded

import (
	"fmt"
	"net"

	"github.com/alicebob/miniredis/v2"
)

// DefaultAddress is where the embedded server listens unless told otherwise:
// where every Redis client looks first.
const DefaultAddress = "127.0.0.1:6379"

// A Server is one. It forgets everything when it ends, nothing expires in it before,
// and one client that stops reading holds up all others.
type Server struct {
	server *miniredis.Miniredis
}

// CheckAddress reports whether addr, a host:port, is one where an embedded
// server may listen: it asks nobody for a password, so on loopback only.
func CheckAddress(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("embedded redis: %q is not host:port: %w", addr, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("embedded redis: %s is not a loopback address, and it asks nobody for a password: use %s, or a real Redis", addr, DefaultAddress)
	}
	return nil
}

// Start listens on addr.
func Start(addr string) (*Server, error) {
	if err := CheckAddress(addr); err != nil {
		return nil, err
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(addr); err != nil {
		return nil, fmt.Errorf("embedded redis: %w (is a Redis running there already? then `redis %s` uses it)", err, addr)
	}
	return &Server{server}, nil
}

// Close ends the server and its connections.
func (e *Server) Close() { e.server.Close() }
