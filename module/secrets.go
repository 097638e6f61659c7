package sse

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// secrets are the credentials and the TLS configuration of connections to Redis,
// as the files and placeholders have them when a connection is made: a
// rotated password or certificate needs no reload. Connections that are there
// go on with what they began with.
type secrets struct {
	redis  *Redis
	last   atomic.Pointer[redis.Options] // that could be read
	failed ratelog.Limiter
	log    func() *zap.Logger
}

// rotating has each connection of o read its secrets from r again. It is safe for
// concurrent use.
func (r *Redis) rotating(o *redis.Options, log func() *zap.Logger) *redis.Options {
	s := &secrets{redis: r, log: log}
	s.last.Store(o)
	c := *o
	c.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return bus.NewDialer(s.now())(ctx, network, addr)
	}
	c.CredentialsProviderContext = func(context.Context) (username, password string, err error) {
		read := s.last.Load() // for the connection that has just been made
		return read.Username, read.Password, nil
	}
	return &c
}

// now are the settings as they are now, or as they were when they could be read
// last: a file that is being replaced may be missing for a moment.
func (s *secrets) now() *redis.Options {
	o, err := s.redis.options(caddy.NewReplacer())
	if err != nil {
		s.failed.Do(func(int) {
			s.log().Warn("the secrets for redis cannot be read again; connecting with those that were read before", zap.Error(err))
		})
		return s.last.Load()
	}
	s.last.Store(o)
	return o
}
