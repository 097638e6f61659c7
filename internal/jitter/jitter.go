// Package jitter keeps those who came together from doing everything together.
package jitter

import (
	"math/rand/v2"
	"time"
)

// Spread moves d at random by up to the fraction f of it, either way.
func Spread(d time.Duration, f float64) time.Duration {
	return time.Duration(float64(d) * (1 - f + 2*f*rand.Float64()))
}

// Backoff is how long to wait before the next of several tries, of which there have been
// so many: first at first, then twice as long each time, up to last, spread by half, so
// that gateways do not all come at once.
func Backoff(first, last time.Duration, tries int) time.Duration {
	return Spread(min(first<<min(tries, 10), last), 0.5)
}
