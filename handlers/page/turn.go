package page

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// BatchBytes is about how much of a page is held in memory at once.
	BatchBytes = 64 << 10
	// allBytes bounds what all pages that are under way hold together.
	allBytes = 32 << 20
	// turnWait is how long a page waits for its turn before its client is told to
	// come again.
	turnWait = 3 * time.Second
)

// A client that does not read its page holds a batch of it until it is cut off.
// So pages take turns: by the bytes that they hold, and, while they read from
// Redis answers of a size that is not known before, by their number. Waiting is
// right for a client, since a turn is short unless others misbehave; after
// turnWait a page would be late anyhow, and 503 with Retry-After is honest.
var (
	held    = semaphore.NewWeighted(allBytes)
	reading = semaphore.NewWeighted(4)
)

// ErrBusy is the reason for which a client is to come again.
var ErrBusy = errors.New("too many such answers are under way; try again")

// A Hold is what one page holds.
type Hold struct{ bytes int64 }

// NewHold waits for the page's turn. The caller calls [Hold.Release].
func NewHold(ctx context.Context) (*Hold, error) {
	h := new(Hold)
	return h, h.Grow(ctx, 2*BatchBytes)
}

// Grow raises what the page holds to so many bytes.
func (h *Hold) Grow(ctx context.Context, bytes int) error {
	more := min(int64(bytes), allBytes) - h.bytes
	if more <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	if held.Acquire(ctx, more) != nil {
		return ErrBusy
	}
	h.bytes += more
	return nil
}

// Release gives the page's turn to others.
func (h *Hold) Release() { held.Release(h.bytes) }

// Read runs one read of Redis in its turn.
func (h *Hold) Read(ctx context.Context, read func() error) error {
	wait, cancel := context.WithTimeout(ctx, turnWait)
	defer cancel()
	if reading.Acquire(wait, 1) != nil {
		return ErrBusy
	}
	defer reading.Release(1)
	return read()
}
