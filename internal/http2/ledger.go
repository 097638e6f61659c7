package http2

import "math"

// A ledger keeps what the client takes of DATA in all, which taken streams and the
// server share.
//
// The server counts for itself, and cannot be told of less. So of each WINDOW_UPDATE for
// the connection a reserve is filled first, and the server gets what is left. Taken
// streams may use more than the reserve, as long as the client takes it: then the server
// believes in a window that is not there, and its next DATA has to wait until it is.
type ledger struct {
	window int64 // that the client takes
	// reserve is what of the window the server does not know of; less than zero: the
	// server knows of so much more than there is.
	reserve int64
	largest int64 // window so far
}

const (
	largestReserve = 64 << 10
	// reserveShare of the largest window is the reserve: clients often give a window
	// back only when half of it is used, so that the server has to have more than that.
	reserveShare = 8
)

func newLedger() ledger { return ledger{window: defaultWindow, largest: defaultWindow} }

// update adds what the client takes more, and returns how much of it the server is to
// know of. It is false if the window is larger than one may be.
func (l *ledger) update(n int64) (forServer int64, ok bool) {
	if l.window+n > largestWindow {
		return n, false
	}
	l.window += n
	l.largest = max(l.largest, l.window)
	fill := min(max(0, l.wanted()-l.reserve), n)
	l.reserve += fill
	return n - fill, true
}

// serverSends takes what the server sends. It is false, and takes nothing, if the client
// does not take it yet.
func (l *ledger) serverSends(n int64) bool {
	if n > max(0, l.window) {
		return false
	}
	l.window -= n
	return true
}

// dropped is called for what the server has sent and the client does not get.
func (l *ledger) dropped(n int64) { l.reserve += n }

// streamSends takes what a taken stream sends.
func (l *ledger) streamSends(n int64) {
	l.window -= n
	l.reserve -= n
}

// room is how much a stream with that window may send at once.
func (l *ledger) room(window int64) int {
	return int(min(max(0, min(l.window, window)), math.MaxInt32))
}

// begin is called for a server that knows of the window that a connection begins with. It
// returns how much more it is to know of.
func (l *ledger) begin() (forServer int64) {
	l.reserve = l.window - defaultWindow
	forServer = max(0, l.reserve-l.wanted())
	l.reserve -= forServer
	return forServer
}

// wanted is how large the reserve should be.
func (l *ledger) wanted() int64 { return min(largestReserve, l.largest/reserveShare) }
