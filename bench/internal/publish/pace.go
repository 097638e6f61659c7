//go:build linux

package publish

import (
	"context"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

// A Pace is what to publish, and when.
type Pace struct {
	// Phase is what the messages are stamped with.
	Phase uint8
	// Channels are their names; each gets Rate messages a second.
	Channels []string
	Rate     float64
	Duration time.Duration
	// Until, once closed, ends it earlier.
	Until <-chan struct{}
	// Burst is how many messages are published back to back.
	Burst int
	// Size is that of a message.
	Size int
}

// most is how many messages go out together where the pace cannot be kept
// otherwise: with many channels, more are due at each moment than one by one
// could be sent.
const most = 256

// Run publishes, and returns how many messages it has.
func (p Pace) Run(ctx context.Context, to Publisher) (published int, err error) {
	perSecond := p.Rate * float64(len(p.Channels))
	total := max(1, int(perSecond*p.Duration.Seconds()+0.5))
	began := time.Now()
	for published < total {
		// The groups of a burst are as far apart as keeps the rate.
		groups := int(time.Since(began).Seconds()*perSecond/float64(p.Burst)) + 1
		due := min(groups*p.Burst, total)
		if due <= published {
			at := time.Duration(float64(groups*p.Burst) / perSecond * float64(time.Second))
			select {
			case <-ctx.Done():
				return published, ctx.Err()
			case <-p.Until:
				return published, nil
			case <-time.After(at - time.Since(began)):
			}
			continue
		}
		n := min(due-published, max(p.Burst, most))
		if err := to.Publish(ctx, p.messages(published, n)); err != nil {
			return published, err
		}
		published += n
	}
	return published, nil
}

// messages are n messages from that number on, stamped now.
func (p Pace) messages(number, n int) []Message {
	messages := make([]Message, n)
	for i := range messages {
		messages[i] = Message{
			Channel: p.Channels[(number+i)%len(p.Channels)],
			Payload: stamp.Stamp{Phase: p.Phase, Sent: stamp.Now(), Number: uint32(number + i)}.Payload(p.Size),
		}
	}
	return messages
}
