package command

import (
	"strings"
	"testing"
)

// A line that is longer than the terminal is wide takes two rows: going back by
// the number of lines would leave the first row of the text before.
func TestFromTheTop(t *testing.T) {
	t.Parallel()
	got := fromTheTop("redis  away: " + strings.Repeat("x", 200) + "\nsubscribers  1\n")
	want := "\x1b[Hredis  away: " + strings.Repeat("x", 200) + "\x1b[K\nsubscribers  1\x1b[K\n\x1b[J"
	if got != want {
		t.Errorf("the screen gets %q, not %q", got, want)
	}
}
