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
