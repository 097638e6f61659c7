package publish

import (
	"cmp"
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// DefaultMaxLen is about how many entries a channel's history keeps unless
// configured: one without a limit would fill Redis.
const DefaultMaxLen = 10_000

// maxMaxLen is more than any history can use; past it, unlimited is meant.
const maxMaxLen = 1_000_000_000

// Store keeps what is published in the channel's history, which is the Redis
// stream of the channel's name.
type Store struct {
	// About how many entries the history keeps, up to 1,000,000,000: Redis drops
	// the oldest in whole nodes, so that there may be a hundred more. Default:
	// 10,000. Negative: all of them.
	MaxLen int64 `json:"maxlen,omitempty"`

	// How long after its newest entry the whole history expires, from 1ms to 100 years.
	// Default: never, unless another publisher says so.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// Waits until replicas of Redis have the event, too, before the answer. It needs
	// the right `+wait`. Default: it does not.
	Wait *StoreWait `json:"wait,omitempty"`
}

func (s *Store) validate() error {
	return cmp.Or(
		bounds.NumberOrUnlimited("store: maxlen", s.MaxLen, maxMaxLen),
		bounds.Duration("store: ttl", s.TTL, time.Millisecond, 100*bounds.Forever),
		s.Wait.validate(),
	)
}

func (s *Store) limits() broker.HistoryLimits {
	limits := broker.HistoryLimits{MaxLen: s.MaxLen, TTL: time.Duration(s.TTL)}
	switch {
	case limits.MaxLen == 0:
		limits.MaxLen = DefaultMaxLen
	case limits.MaxLen < 0:
		limits.MaxLen = 0
	}
	if s.Wait != nil {
		limits.Replicas, limits.WaitTimeout = s.Wait.Replicas, time.Duration(s.Wait.Timeout)
	}
	return limits
}

// parseStore reads the subdirective store.
func parseStore(d *caddyfile.Dispenser, to **Store) func() error {
	return func() error {
		*to = new(Store)
		err := block.Pairs(d, map[string]func(string) error{
			"maxlen": (*to).parseMaxLen,
			"ttl":    (*to).parseTTL,
			"wait":   func(value string) error { return (*to).parseWait(d, value) },
		})()
		if err != nil {
			return err
		}
		if err := (*to).validate(); err != nil {
			return d.WrapErr(err)
		}
		return nil
	}
}

func (s *Store) parseMaxLen(value string) error {
	if value == "unlimited" {
		s.MaxLen = -1
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 {
		return fmt.Errorf("%q is not a whole number from 1 to %d, or unlimited", value, maxMaxLen)
	}
	s.MaxLen = n
	return nil
}

func (s *Store) parseTTL(value string) error {
	ttl, err := caddy.ParseDuration(value)
	if err != nil || ttl == 0 {
		return fmt.Errorf("%q is not a duration from 1ms, like 24h or 7d", value)
	}
	s.TTL = caddy.Duration(ttl)
	return nil
}
