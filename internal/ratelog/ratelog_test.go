package ratelog

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
		var limiter Limiter
		var logged []int
		for range 150_000 {
			limiter.Do(func(suppressed int) { logged = append(logged, suppressed) })
			time.Sleep(time.Millisecond)
		}
		if want := []int{0, 59_999, 59_999}; !slices.Equal(logged, want) {
			t.Errorf("the lines count %d suppressed ones, not %d", logged, want)
		}
	})
}
