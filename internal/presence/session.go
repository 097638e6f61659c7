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

// A session is a member's time in a channel, on this gateway.
type session struct {
	refs        int // subscribers
	info        string
	since       time.Time
	lingerTimer *time.Timer // while there is no subscriber
}

// A key is a member of a channel.
type key struct{ channel, member string }

// A Handle is one subscriber of a member's, in its channels.
type Handle struct {
	presence *Presence
	channels []string
	member   string
	linger   time.Duration
}

// Enter counts a subscriber of the member's in the channels. The info is JSON, and
// may be empty; the newest counts. When the last subscriber has left, the member's
// session goes on for the time linger, since a page that is loaded again leaves, too.
func (p *Presence) Enter(channels []string, member, info string, linger time.Duration) *Handle {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, channel := range channels {
		members := p.channels[channel]
		if members == nil {
			members = make(map[string]*session)
			p.channels[channel] = members
		}
		s := members[member]
		if s == nil {
			s = &session{since: time.Now()}
			members[member] = s
		}
		if s.lingerTimer != nil {
			s.lingerTimer.Stop()
			s.lingerTimer = nil
		}
		if s.refs++; s.refs == 1 || s.info != info {
			s.info = info
			p.dirty[key{channel, member}] = struct{}{}
		}
	}
	p.wake.Set()
	p.startLocked()
	return &Handle{p, channels, member, linger}
}

// Leave takes the subscriber out. It is called once.
func (h *Handle) Leave() {
	p := h.presence
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, channel := range h.channels {
		s := p.channels[channel][h.member]
		if s.refs--; s.refs > 0 {
			continue
		}
		if h.linger <= 0 {
			p.end(key{channel, h.member})
			continue
		}
		var timer *time.Timer
		timer = time.AfterFunc(h.linger, func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			if s.lingerTimer == timer { // there is still no subscriber
				p.end(key{channel, h.member})
			}
		})
		s.lingerTimer = timer
	}
}

// end ends the member's session.
func (p *Presence) end(k key) {
	members := p.channels[k.channel]
	delete(members, k.member)
	if len(members) == 0 {
		delete(p.channels, k.channel)
	}
	p.dirty[k] = struct{}{}
	p.gone.add(k)
	p.wake.Set()
}
