package hub

import (
	"strconv"
	"strings"
	"unique"
	"weak"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A position is where in a channel an event is: the ID of a history's entry, or,
// in a channel without one, the number that the hub gave the event, as Seq.
type position = protocol.EntryID

// A record is an event that a channel remembers.
type record struct {
	at      position
	content protocol.Content
	hash    string // of a live one: what other gateways know it by
	size    int

	appID    string // of a live one: the ID that the app gave it, once it is known
	hasAppID bool

	frames []viewed // for those who come back; see frame

	channel        *channel
	newer, older   *record // in the hub's memory
	isInHubsMemory bool
}

// viewed is a record's frame in one view, for as long as somebody still has to
// be sent it.
type viewed struct {
	view  view
	frame weak.Pointer[eventstream.Frame]
}

// A view is how a group wants events: how they are read, whether each carries its ID,
// and how the end of a run is told; the zero handle: it is an event like others.
type view struct {
	protocol.View
	ids  bool
	ends unique.Handle[protocol.Ends]
}

// overhead is about what a record costs besides its content.
const overhead = 250

func newRecord(c *channel, at position, content protocol.Content) *record {
	c.check(content)
	r := &record{at: at, content: content, channel: c, size: overhead}
	switch content := content.(type) {
	case protocol.Payload:
		r.hash = c.chain.add(c.name, string(content))
		r.size += len(content)
	case protocol.Entry:
		for _, f := range content.Fields {
			r.size += len(f) + 16
		}
	}
	return r
}

// encode makes the record's frame, and says what was malformed.
func (r *record) encode(v view) (*eventstream.Frame, error) {
	if v.hasEnds() {
		if frame := r.markFrame(v); frame != nil {
			return frame, nil
		}
	}
	event, err := r.event(v)
	return event.Frame(), err
}

// event is the record as an event of the view.
func (r *record) event(v view) (eventstream.Event, error) {
	event, err := r.content.Event(v.View)
	if _, isEntry := r.content.(protocol.Entry); isEntry && !v.ids {
		event.ID = "" // the subscriber's own stands before it
	}
	if event.ID == "" && v.ids {
		event.ID = r.id()
	}
	return event, err
}

// frame is the record's frame for those who come back, who share it.
func (r *record) frame(v view) *eventstream.Frame {
	for i := range r.frames {
		if r.frames[i].view != v {
			continue
		}
		if f := r.frames[i].frame.Value(); f != nil {
			return f
		}
		f, _ := r.encode(v) // what was malformed is counted
		r.frames[i].frame = weak.Make(f)
		return f
	}
	f, _ := r.encode(v)
	r.frames = append(r.frames, viewed{v, weak.Make(f)})
	return f
}

// id is the record's event ID.
func (r *record) id() string { return r.channel.id(r.at, r.hash) }

// matchesAppID reports whether the app gave the live record that ID.
func (r *record) matchesAppID(id string) bool {
	if !r.hasAppID {
		event, _ := r.content.Event(protocol.View{Format: protocol.JSON})
		r.appID, r.hasAppID = event.ID, true
	}
	return r.appID == id
}

// A liveID is the event ID of a channel without history: it leads back to the
// event by its number on the gateway that made it, and by its hash on others.
// In text it is <epoch>-<number>-<hash>; the hash is empty where there has been
// no event. See chain.
type liveID struct {
	epoch  string // of the hub's life
	number uint64
	hash   string
}

func (id liveID) String() string {
	return id.epoch + "-" + strconv.FormatUint(id.number, 10) + "-" + id.hash
}

func parseLiveID(s string) (id liveID, ok bool) {
	epoch, rest, ok1 := strings.Cut(s, "-")
	number, hash, ok2 := strings.Cut(rest, "-")
	n, err := strconv.ParseUint(number, 10, 64)
	id = liveID{epoch, n, hash}
	return id, ok1 && ok2 && err == nil && id.String() == s
}
