package transport

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A stuckLink is of a client that takes nothing.
type stuckLink struct{ *loopOutlet }

func (l stuckLink) write()          { l.blocked = true; l.arm() }
func (stuckLink) sealed() int       { return 0 }
func (stuckLink) finish()           {}
func (stuckLink) leave(error, bool) {}

// A clockLoop has the time that the test says, and does nothing by itself.
type clockLoop struct{ now time.Duration }

func (clockLoop) Do(func())             {}
func (l *clockLoop) Now() time.Duration { return l.now }

// A connection that ends while its client takes nothing is told of as stalled if that has
// lasted for the write timeout, or for the kernel's limit, which may come before.
func TestGoneWhileStalled(t *testing.T) {
	for _, test := range []struct {
		after time.Duration
		why   error
		want  error
	}{
		{time.Second, nil, ErrLeft},
		{time.Second, unix.ECONNRESET, ErrLeft},
		{time.Second, unix.ETIMEDOUT, ErrStalled},
		{2 * time.Second, nil, ErrStalled},
	} {
		o := someOptions()
		o.WriteTimeout = 2 * time.Second
		loop := &clockLoop{now: time.Hour}
		var ended End
		out := new(loopOutlet)
		*out = newLoopOutlet(loop, o, func(e End) { ended = e }, nil)
		out.link = stuckLink{out}
		out.Send(frameOf(strings.Repeat("x", 100)))
		out.Flush()
		loop.now += test.after
		if out.left(test.why); ended.Reason != test.want {
			t.Errorf("after %s, by %v: %v", test.after, test.why, ended.Reason)
		}
	}
}
