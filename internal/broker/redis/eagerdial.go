package redisbroker

import (
	"context"
	"crypto/tls"
	"net"
	"time"
)

// dialAgain is after how long a connection that has not been made is tried a second
// time, and then again and again: where the first packet is lost, TCP sends another
// after 1 s, 3 s and 7 s only, and Redis may be back long before.
const dialAgain = 500 * time.Millisecond

// newDialer connects to Redis within the time, with TLS if there is a configuration of
// it, for which each connection asks.
func newDialer(timeout time.Duration, tlsNow func() *tls.Config) dial {
	plain := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 5 * time.Second, Count: 3}}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		config := tlsNow()
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		c, err := dialEagerly(ctx, plain.DialContext, network, addr)
		if err != nil || config == nil {
			return c, err
		}
		return encrypt(ctx, c, config, addr)
	}
}

func encrypt(ctx context.Context, c net.Conn, config *tls.Config, addr string) (net.Conn, error) {
	if config.ServerName == "" {
		config = config.Clone()
		config.ServerName, _, _ = net.SplitHostPort(addr) // or none, which fails
	}
	encrypted := tls.Client(c, config)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return encrypted, nil
}

// dialEagerly dials, and as long as that has not come to anything dials beside it
// again each dialAgain, which takes the place of the try before.
func dialEagerly(ctx context.Context, d dial, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		net.Conn
		err error
	}
	results, over := make(chan result), make(chan struct{})
	defer close(over)
	try := func(ctx context.Context, isReplaced func() bool) {
		c, err := d(ctx, network, addr)
		if err != nil && isReplaced() {
			return
		}
		select {
		case results <- result{c, err}:
		case <-over:
			if err == nil {
				c.Close() // another was sooner
			}
		}
	}
	go try(ctx, func() bool { return false }) // it goes on to the end of the time
	again := time.NewTicker(dialAgain)
	defer again.Stop()
	replace := func() {}
	for {
		select {
		case r := <-results:
			replace()
			return r.Conn, r.err
		case <-again.C:
			replace()
			fresh, cancel := context.WithCancel(ctx)
			replace = cancel
			go try(fresh, func() bool { return fresh.Err() != nil })
		}
	}
}
