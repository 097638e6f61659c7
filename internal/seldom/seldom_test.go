package seldom

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A line that could be logged a thousand times a second is logged once a minute,
// with how many there were between.
func TestLineIsRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var line Line
		var logged []int
		for range 150_000 {
			line.Say(func(others int) { logged = append(logged, others) })
			time.Sleep(time.Millisecond)
		}
		if want := []int{0, 59_999, 59_999}; !slices.Equal(logged, want) {
			t.Errorf("the lines count %d others, not %d", logged, want)
		}
	})
}
