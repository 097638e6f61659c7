package protocol

import (
	"strconv"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// HeartbeatType is the type of a heartbeat that a page can listen for.
const HeartbeatType = "sse.heartbeat"

// HeartbeatFrame encodes a heartbeat, whose data is the time in milliseconds since 1970.
// It has no ID: nobody's position moves.
func HeartbeatFrame(now time.Time) *eventstream.Frame {
	return eventstream.Event{Type: HeartbeatType, Data: strconv.FormatInt(now.UnixMilli(), 10)}.Frame()
}
