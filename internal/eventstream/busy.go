package eventstream

import "time"

// BusyType is the type of the event that sends a subscriber away that is to come
// back: what keeps it out will pass.
const BusyType = "sse.busy"

// A BusyReason says what keeps subscribers out.
type BusyReason string

// The reasons. All but the first are called as the limits are.
const (
	// BusyGate: what decides who may subscribe does not answer, or has too much
	// to do.
	BusyGate        BusyReason = "gate"
	BusySubscribers BusyReason = "subscribers"
	BusyPerIP       BusyReason = "subscribers_per_ip"
	BusyPerMember   BusyReason = "subscribers_per_member"
	BusyChannels    BusyReason = "channels"
	BusyConnectRate BusyReason = "connect_rate"
)

// BusyFrame encodes the event, with the time after which to come back. It is all
// that its subscriber is sent.
func BusyFrame(reason BusyReason, retry time.Duration) *Frame {
	return Event{Type: BusyType, Data: `{"reason":"` + string(reason) + `"}`, Retry: retry}.Frame()
}
