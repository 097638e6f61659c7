package handlers

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// batchBytes is about how much of a page is held in memory at once.
	batchBytes = 64 << 10
	// pagesBytes bounds what all pages that are under way hold together.
	pagesBytes = 32 << 20
	// pageWait is how long a page waits for its turn before its client is told to
	// come again.
	pageWait = 3 * time.Second
)

// A client that does not read its page holds a batch of it until it is cut off.
// So pages take turns: by the bytes that they hold, and, while they read from
// Redis answers of a size that is not known before, by their number. Waiting is
// right for a client, since a turn is short unless others misbehave; after
// pageWait a page would be late anyhow, and 503 with Retry-After is honest.
var (
	pagesHeld    = semaphore.NewWeighted(pagesBytes)
	pagesReading = semaphore.NewWeighted(4)
)

var errPagesBusy = errors.New("too many such answers are under way; try again")

// A hold is what one page holds.
type hold struct{ bytes int64 }

// newHold waits for the page's turn. The caller calls release.
func newHold(ctx context.Context) (*hold, error) {
	h := new(hold)
	return h, h.grow(ctx, 2*batchBytes)
}

// grow raises what the page holds to so many bytes.
func (h *hold) grow(ctx context.Context, bytes int) error {
	more := min(int64(bytes), pagesBytes) - h.bytes
	if more <= 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	if pagesHeld.Acquire(ctx, more) != nil {
		return errPagesBusy
	}
	h.bytes += more
	return nil
}

func (h *hold) release() { pagesHeld.Release(h.bytes) }

// read runs one read of Redis in its turn.
func (h *hold) read(ctx context.Context, read func() error) error {
	wait, cancel := context.WithTimeout(ctx, pageWait)
	defer cancel()
	if pagesReading.Acquire(wait, 1) != nil {
		return errPagesBusy
	}
	defer pagesReading.Release(1)
	return read()
}
