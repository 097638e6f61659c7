package protocol

import (
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// BusyType is the type of the event that sends a subscriber away that is to come
// back: what keeps it out will pass.
const BusyType = "sse.busy"

// A BusyReason says what keeps subscribers out.
type BusyReason string

// The reasons. All but the first and the last two are called as the limits are.
const (
	// BusyGate: what decides who may subscribe does not answer, or has too much
	// to do.
	BusyGate        BusyReason = "gate"
	BusySubscribers BusyReason = "subscribers"
	BusyPerIP       BusyReason = "subscribers_per_ip"
	BusyPerMember   BusyReason = "subscribers_per_member"
	BusyChannels    BusyReason = "channels"
	BusyConnectRate BusyReason = "connect_rate"
	// BusyExpired: the right to subscribe has ended, and the page has to renew it.
	BusyExpired BusyReason = "expired"
	// BusyHistory: a history cannot be read that is needed to know whether there is
	// anything to be sent.
	BusyHistory BusyReason = "history"
)

// BusyReasons are all of them.
var BusyReasons = [...]BusyReason{BusyGate, BusySubscribers, BusyPerIP, BusyPerMember, BusyChannels, BusyConnectRate, BusyExpired, BusyHistory}

// BusyFrame encodes the event, with the time after which to come back. It is all
// that its subscriber is sent.
func BusyFrame(reason BusyReason, retry time.Duration) *eventstream.Frame {
	return eventstream.Event{Type: BusyType, Data: `{"reason":"` + string(reason) + `"}`, Retry: retry}.Frame()
}
