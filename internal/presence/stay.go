package presence

import (
	"encoding/json"
	"time"
)

// A Member is somebody in a channel, known to all by the ID.
type Member struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
	// Info is JSON that the member came with; it may be missing.
	Info json.RawMessage `json:"info,omitempty"`
}

// A stay is a member's time in a channel, on this gateway.
type stay struct {
	tabs   int
	info   string
	since  time.Time
	endsAt *time.Timer // while there is no tab
}

// A key is a member of a channel.
type key struct{ channel, member string }

// A Visit is one tab of a member's.
type Visit struct {
	presence *Presence
	channels []string
	member   string
	linger   time.Duration
}

// Enter counts a tab of the member's in the channels. The info is JSON, and may
// be empty; the newest counts. When the last tab has left, the member goes on to
// be there for the time linger, since a page that is loaded anew leaves, too.
func (p *Presence) Enter(channels []string, member, info string, linger time.Duration) *Visit {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, channel := range channels {
		room := p.rooms[channel]
		if room == nil {
			room = make(map[string]*stay)
			p.rooms[channel] = room
		}
		s := room[member]
		if s == nil {
			s = &stay{since: time.Now()}
			room[member] = s
		}
		if s.endsAt != nil {
			s.endsAt.Stop()
			s.endsAt = nil
		}
		if s.tabs++; s.tabs == 1 || s.info != info {
			s.info = info
			p.changed[key{channel, member}] = struct{}{}
		}
	}
	p.poke()
	p.startLocked()
	return &Visit{p, channels, member, linger}
}

// Leave ends the visit. It is called once.
func (v *Visit) Leave() {
	p := v.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, channel := range v.channels {
		s := p.rooms[channel][v.member]
		if s.tabs--; s.tabs > 0 {
			continue
		}
		if v.linger <= 0 {
			p.end(key{channel, v.member})
			continue
		}
		var timer *time.Timer
		timer = time.AfterFunc(v.linger, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if s.endsAt == timer { // there is no tab again
				p.end(key{channel, v.member})
			}
		})
		s.endsAt = timer
	}
}

// end ends the member's stay.
func (p *Presence) end(k key) {
	room := p.rooms[k.channel]
	delete(room, k.member)
	if len(room) == 0 {
		delete(p.rooms, k.channel)
	}
	p.changed[k] = struct{}{}
	p.poke()
}

func (p *Presence) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
