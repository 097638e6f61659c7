package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Runs are written to the histories of channels by gateways, each run by one. Who may
// write to a channel has its lease, and renews it. Each method is one step, which is
// harmless to do again, and fails within some seconds when the broker is away.
type Runs interface {
	// AcquireRun takes the channel's lease for a run of that token. If another run has it,
	// the lease that is returned says so. A run whose holder's lease has ended gets an end
	// of reason lost before.
	AcquireRun(ctx context.Context, channel string, by RunHolder) (RunLease, error)
	// AppendRun adds to the run; see [RunBatch].
	AppendRun(ctx context.Context, channel string, b *RunBatch) error
	// LookAtRun returns for how long the lease of the channel's run holds, at least, or 0
	// if nobody has it. One whose holder's lease has ended gets an end of reason lost.
	LookAtRun(ctx context.Context, channel string) (left time.Duration, err error)
	// Readers is how many gateways, and other clients of the broker, receive what is
	// published to the channel.
	Readers(ctx context.Context, channel string) (int64, error)
	// StopRun has the holder's next batch fail with [ErrRunStopped], if the run has
	// that token; "*": whichever it has. It returns the run's token; empty if no such
	// run is on.
	StopRun(ctx context.Context, channel, token string) (stopped string, err error)
}

// A RunHolder is who takes a lease, and for how long it holds.
type RunHolder struct {
	Token string
	Lease time.Duration
	// Keep is for how long it is known, after the lease has ended, that somebody had it.
	Keep time.Duration
}

// A RunLease is what [Runs.AcquireRun] has found.
type RunLease struct {
	// IsHeld: another run has the lease. Start is its first entry; zero: it has none yet.
	IsHeld bool
	Start  protocol.EntryID
	// Now is the broker's time in milliseconds, and Newest the history's newest entry;
	// zero: there is none.
	Now    uint64
	Newest protocol.EntryID
}

// A RunBatch is what is added to a run.
type RunBatch struct {
	RunHolder
	// Start is the run's first entry; zero: it has none yet.
	Start protocol.EntryID
	// Previous is the entry that was added last; Entries, which have their IDs, come
	// after it.
	Previous protocol.EntryID
	Entries  []protocol.Entry
	// MaxLen is about how many entries the history keeps; 0: all.
	MaxLen int64
	// TTL is how long from now the history expires, if the lease is renewed or
	// released; 0: it does not.
	TTL time.Duration
	// Renew renews the lease, and Release gives it back.
	Renew, Release bool
	// Lost are the fields of an entry that takes the place of Previous, if the history
	// is gone.
	Lost []string
}

// Reasons for which a run is not added to.
var (
	// ErrRunFenced: the lease ended, and somebody else has written there since.
	ErrRunFenced = errors.New("the lease of the run has ended, and others go on")
	// ErrRunStopped: somebody has stopped it.
	ErrRunStopped = errors.New("the run was stopped")
)

// A RunBehindError says that somebody else has written there, though the run has its
// lease: its IDs are not above the newest any more.
type RunBehindError struct{ Newest protocol.EntryID }

func (e *RunBehindError) Error() string {
	return fmt.Sprintf("somebody else has written to the history, up to %s", e.Newest)
}
