package protocol

import (
	"encoding/json"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// GapType is the type of the event that says that others may be missing.
const GapType = "sse.gap"

// A Reason says why events may be missing.
type Reason string

// The reasons.
const (
	// Trimmed: the channel's history no longer reaches back so far.
	Trimmed Reason = "trimmed"
	// Reset: Redis has lost the history in which the subscriber was: it was
	// deleted or flushed, or another server took over that had not got so far.
	Reset Reason = "reset"
	// Overflow: more was missed than is kept in memory, or replayed.
	Overflow Reason = "overflow"
	// Unknown: the last event ID is none that the gateway knows, or it was
	// not connected to Redis for a while, and the channel has no history.
	Unknown Reason = "unknown"
)

// Reasons are all of them.
var Reasons = [...]Reason{Trimmed, Reset, Overflow, Unknown}

// A Gap tells a subscriber that it may have missed events of a channel, so that
// its page can fetch what it shows again.
type Gap struct {
	Channel string `json:"channel"`
	Reason  Reason `json:"reason"`
	// From and To are the positions that the gap lies between, as event IDs,
	// where they are known, else empty.
	From string `json:"from"`
	To   string `json:"to"`
}

// maxFrom is how many bytes of a position that a client made up are repeated.
const maxFrom = 128

// Frame encodes the gap as an event of type sse.gap with that ID, which may be
// empty.
func (g *Gap) Frame(id string) *eventstream.Frame { return GapsFrame([]*Gap{g}, id) }

// GapsFrame encodes gaps of different channels, one at least, as one event: it says
// of all of them which channel it is, and of the first one the rest.
func GapsFrame(gaps []*Gap, id string) *eventstream.Frame {
	all := struct {
		Gap
		Channels []string `json:"channels"`
	}{*gaps[0], make([]string, len(gaps))}
	all.From = all.From[:min(len(all.From), maxFrom)]
	for i, g := range gaps {
		all.Channels[i] = g.Channel
	}
	data, _ := json.Marshal(all) // strings alone: it cannot fail
	return eventstream.Event{ID: id, Type: GapType, Data: string(data)}.Frame()
}
