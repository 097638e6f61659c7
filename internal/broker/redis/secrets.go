package redisbroker

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// secrets are the credentials and the TLS configuration of connections, as they are
// when a connection is made: a rotated password or certificate needs no reload.
// Connections that are there go on with what they began with.
type secrets struct {
	reread func() (Secrets, error)
	last   atomic.Pointer[Secrets] // that could be read
	failed ratelog.Limiter
	log    func() *zap.Logger
}

func newSecrets(s *Settings, log func() *zap.Logger) *secrets {
	secrets := &secrets{reread: s.Reread, log: log}
	first := s.Secrets
	secrets.last.Store(&first)
	return secrets
}

// now are the secrets as they are now, or as they were when they could be read last.
func (s *secrets) now() *Secrets {
	if s.reread == nil {
		return s.last.Load()
	}
	read, err := s.reread()
	if err != nil {
		s.failed.Do(func(int) {
			s.log().Warn("the secrets for redis cannot be read again; connecting with those that were read before", zap.Error(err))
		})
		return s.last.Load()
	}
	s.last.Store(&read)
	return &read
}
