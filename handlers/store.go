package handlers

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/module/bus"
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

	// How long after its newest entry the whole history expires, from 1ms.
	// Default: never, unless another publisher says so.
	TTL caddy.Duration `json:"ttl,omitempty"`
}

func (s *Store) validate() error {
	if s.MaxLen > maxMaxLen {
		return fmt.Errorf("store: maxlen must not be above %d", maxMaxLen)
	}
	if s.TTL != 0 && s.TTL < caddy.Duration(time.Millisecond) {
		return errors.New("store: ttl must not be below 1ms")
	}
	return nil
}

func (s *Store) keep() bus.Keep {
	keep := bus.Keep{MaxLen: s.MaxLen, TTL: time.Duration(s.TTL)}
	switch {
	case keep.MaxLen == 0:
		keep.MaxLen = DefaultMaxLen
	case keep.MaxLen < 0:
		keep.MaxLen = 0
	}
	return keep
}

// parseStore reads the subdirective store.
func parseStore(d *caddyfile.Dispenser, to **Store) func() error {
	return func() error {
		*to = new(Store)
		return block.Pairs(d, map[string]func(string) error{
			"maxlen": (*to).parseMaxLen,
			"ttl":    (*to).parseTTL,
		})()
	}
}

func (s *Store) parseMaxLen(value string) error {
	if value == "unlimited" {
		s.MaxLen = -1
		return nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 || n > maxMaxLen {
		return fmt.Errorf("%q is not a whole number from 1 to %d, or unlimited", value, maxMaxLen)
	}
	s.MaxLen = n
	return nil
}

func (s *Store) parseTTL(value string) error {
	ttl, err := caddy.ParseDuration(value)
	if err != nil || ttl < time.Millisecond {
		return fmt.Errorf("%q is not a duration from 1ms, like 24h or 7d", value)
	}
	s.TTL = caddy.Duration(ttl)
	return nil
}
