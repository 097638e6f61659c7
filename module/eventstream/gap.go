package eventstream

import "encoding/json"

// GapType is the type of the event that says that others may be missing.
const GapType = "sse.gap"

// A Gap tells a subscriber that it may have missed events of a channel, so that
// its page can fetch what it shows anew.
type Gap struct {
	Channel string `json:"channel"`
	// Reason is one word:
	//
	// Reason | Meaning
	// -------|--------
	// unknown | The gateway could not hear Redis for a while; what was said meanwhile is not known.
	Reason string `json:"reason"`
	// From and To are the positions that the gap lies between, where they are
	// known, else empty.
	From string `json:"from"`
	To   string `json:"to"`
}

// Frame encodes the gap as an event of type sse.gap.
func (g Gap) Frame() *Frame {
	data, _ := json.Marshal(g) // four strings: it cannot fail
	return Event{Type: GapType, Data: string(data)}.Frame()
}
