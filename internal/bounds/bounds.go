// Package bounds checks the numbers of a configuration, so that the Caddyfile
// and JSON refuse the same values in the same sentence. Zero is a setting that is
// left out, and has its default.
package bounds

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"
)

const (
	// Shortest is the shortest duration that a setting can have unless it says
	// otherwise: below it, a mistake is likely, such as a number of nanoseconds.
	Shortest = 100 * time.Millisecond
	// Longest is the longest duration of most settings.
	Longest = 24 * time.Hour
	// Forever is the longest duration of settings for which a day is not long.
	Forever = 365 * 24 * time.Hour

	// Largest is the largest size of memory that a setting can have: 1 TiB, or
	// what the system can count.
	Largest int64 = min(1<<40, math.MaxInt)
	// LargestPayload is the largest size of what is sent to Redis, 512 MiB: its
	// proto-max-bulk-len.
	LargestPayload = 512 << 20
)

// Duration checks a duration.
func Duration(name string, d caddy.Duration, least, most time.Duration) error {
	if d == 0 || time.Duration(d) >= least && time.Duration(d) <= most {
		return nil
	}
	return fmt.Errorf("%s is a duration from %s to %s, not %s", name, short(least), short(most), short(time.Duration(d)))
}

// DurationOrOff checks a duration that can be turned off by a negative one.
func DurationOrOff(name string, d caddy.Duration, least, most time.Duration) error {
	if d < 0 {
		return nil
	}
	return Duration(name, d, least, most)
}

// short is a duration as people write it, such as 24h instead of 24h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Size checks a number of bytes.
func Size(name string, n, least, most int64) error {
	if n == 0 || n >= least && n <= most {
		return nil
	}
	return fmt.Errorf("%s is a size from %s to %s, not %s", name, bytes(least), bytes(most), bytes(n))
}

// bytes is a size as the Caddyfile has it, such as 64KiB.
func bytes(n int64) string {
	if n < 0 {
		return strconv.FormatInt(n, 10)
	}
	text := strings.ReplaceAll(humanize.IBytes(uint64(n)), " ", "")
	if exact, err := humanize.ParseBytes(text); err != nil || exact != uint64(n) {
		return strconv.FormatInt(n, 10) + "B"
	}
	return strings.Replace(text, ".0", "", 1)
}

// Number checks a whole number.
func Number[N int | int64](name string, n, least, most N) error {
	if n == 0 || n >= least && n <= most {
		return nil
	}
	return fmt.Errorf("%s is a whole number from %d to %d, not %d", name, least, most, n)
}

// NumberOrUnlimited checks a whole number above zero; any negative one stands for
// no limit.
func NumberOrUnlimited[N int | int64](name string, n, most N) error {
	if n < 0 {
		return nil
	}
	return Number(name, n, 1, most)
}

// Rate checks how many times a second something may happen.
func Rate(name string, perSecond, most float64) error {
	if perSecond == 0 || perSecond > 0 && perSecond <= most {
		return nil
	}
	return fmt.Errorf("%s is a rate above zero and up to %s a second, not %s", name, plain(most), plain(perSecond))
}

func plain(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
