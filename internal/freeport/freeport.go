// Package freeport finds addresses for servers that tests and measurements start.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
)

// claims are listeners that this process never closes: see Claim.
var claims struct {
	sync.Mutex
	all []net.Listener
}

// Claim returns a host:port of the loopback on which nothing listens. It is given
// to nobody else for as long as this process lives, in whichever process they ask:
// Caddy listens with SO_REUSEPORT, so that two on one port would share it in
// silence.
//
// The port is even. What claims it is a listener on the odd port above it, which
// the system closes when this process ends, however it ends. All are below the
// ports that the system gives to clients, of which some tests have thousands.
func Claim() (string, error) {
	for range 10000 {
		port := 15000 + 2*rand.N(8500)
		claim, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port+1))
		if err != nil {
			continue
		}
		addr := fmt.Sprint("127.0.0.1:", port)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			claim.Close()
			continue
		}
		l.Close()
		claims.Lock()
		claims.all = append(claims.all, claim)
		claims.Unlock()
		return addr, nil
	}
	return "", errors.New("no port is free")
}
