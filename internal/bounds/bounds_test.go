package bounds_test

import (
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	duration := func(d time.Duration) error {
		return bounds.Duration("retry", caddy.Duration(d), bounds.Shortest, bounds.Longest)
	}
	off := func(d time.Duration) error {
		return bounds.DurationOrOff("heartbeat", caddy.Duration(d), bounds.Shortest, bounds.Longest)
	}
	for _, c := range []struct {
		err  error
		want string
	}{
		{duration(0), ""},
		{duration(100 * time.Millisecond), ""},
		{duration(24 * time.Hour), ""},
		{duration(25), "retry is a duration from 100ms to 24h, not 25ns"},
		{duration(-1), "retry is a duration from 100ms to 24h, not -1ns"},
		{duration(90 * time.Hour), "retry is a duration from 100ms to 24h, not 90h"},
		{duration(24*time.Hour + 10*time.Minute), "retry is a duration from 100ms to 24h, not 24h10m"},
		{off(-1), ""},
		{off(25), "heartbeat is a duration from 100ms to 24h, not 25ns"},
		{bounds.Size("pending", 0, 4<<10, bounds.Largest), ""},
		{bounds.Size("pending", 4<<10, 4<<10, bounds.Largest), ""},
		{bounds.Size("pending", -1, 4<<10, 1<<40), "pending is a size from 4KiB to 1TiB, not -1"},
		{bounds.Size("pending", 1500, 4<<10, 1<<40), "pending is a size from 4KiB to 1TiB, not 1500B"},
		{bounds.Number("limit", 0, 1, 1000), ""},
		{bounds.Number("limit", 1000, 1, 1000), ""},
		{bounds.Number("limit", 1001, 1, 1000), "limit is a whole number from 1 to 1000, not 1001"},
		{bounds.NumberOrUnlimited("subscribers", -7, 1000), ""},
		{bounds.NumberOrUnlimited("subscribers", 1001, 1000), "subscribers is a whole number from 1 to 1000, not 1001"},
		{bounds.Rate("connect_rate", 0.001, 1e9), ""},
		{bounds.Rate("connect_rate", -0.5, 1e9), "connect_rate is a rate above zero and up to 1000000000 a second, not -0.5"},
	} {
		if got := ""; c.err != nil && c.err.Error() != c.want || c.err == nil && c.want != got {
			t.Errorf("got %v\nwant %s", c.err, c.want)
		}
	}
}
