package hub

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// resume sets out on what s has missed, wherever its channels have begun. Live
// channels are resumed together, so they are waited for until the page is open.
func (h *Hub) resume(s *Subscriber) {
	var places []int
	for i := range s.places {
		pl := &s.places[i]
		if !pl.channel.begun || pl.pursuit != nil || pl.audience != nil {
			continue
		}
		if s.request.History {
			h.setOut(s, []leg{s.fromEntry(i)})
		} else {
			places = append(places, i)
		}
	}
	if len(places) == 0 || s.request.LastEventID != "" && s.unbegun > 0 && !s.opened {
		return
	}
	legs := make([]leg, len(places))
	at, bad := position{}, eventstream.Reason("")
	if s.request.LastEventID != "" && !s.resumed {
		at, bad = s.whereLive(places)
	}
	for n, i := range places {
		legs[n] = leg{place: i, from: s.request.LastEventID, cursor: at, bad: bad, located: true}
		if s.request.LastEventID == "" || s.resumed {
			legs[n] = s.fromNow(i)
		}
	}
	s.resumed = true
	h.setOut(s, legs)
}

// began is called when a channel that s waits for has begun.
func (h *Hub) began(s *Subscriber) {
	s.unbegun--
	h.resume(s)
}

func (h *Hub) setOut(s *Subscriber, legs []leg) {
	p := &pursuit{subscriber: s, legs: legs}
	for _, g := range legs {
		s.places[g.place].pursuit = p
	}
	h.pursue(p)
}

// fromNow begins with what comes next. A page that has been open before its
// channel was heard may have missed something.
func (s *Subscriber) fromNow(i int) leg {
	g := leg{place: i, fromHead: true}
	if s.opened {
		g.bad = eventstream.Unknown
	}
	return g
}

// fromEntry begins where the subscriber was in a channel with history, or, if it
// is new there, with the newest events that it wants.
func (s *Subscriber) fromEntry(i int) leg {
	r := &s.request
	if at, ok := eventstream.ParseShortEntryID(r.LastEventID); ok && len(r.Interests) == 1 {
		return leg{place: i, cursor: at, from: at.String()}
	}
	vector, _ := eventstream.ParseVector(r.LastEventID)
	if at, ok := vector.At(s.places[i].tag); ok {
		return leg{place: i, cursor: at, from: at.String()}
	}
	isNew := r.LastEventID == ""
	for j := range s.places {
		_, known := vector.At(s.places[j].tag)
		isNew = isNew || known
	}
	switch {
	case !isNew:
		return leg{place: i, bad: eventstream.Unknown, from: r.LastEventID}
	case r.Last == 0:
		return s.fromNow(i)
	}
	return leg{place: i, newest: r.Last}
}

// whereLive finds out where the subscriber was in those of its live channels.
func (s *Subscriber) whereLive(places []int) (at position, unknown eventstream.Reason) {
	text := s.request.LastEventID
	id, ok := parseLiveID(text)
	if ok && id.epoch == s.hub.epoch {
		at = position{Seq: id.number}
		for _, i := range places {
			l := &s.places[i].channel.log
			n, isEvent := l.after(at)
			if isEvent && l.at(n-1).hash == id.hash || at == l.start && l.startHash == id.hash || at.Compare(l.start) < 0 {
				return at, ""
			}
		}
		return at, eventstream.Unknown // it was in other channels
	}
	if !ok {
		return s.oldest(places, func(m *moment) bool { return m.isCalled(text) })
	}
	// By what came before it, too, if this gateway has heard that; else by the
	// payload alone.
	at, unknown = s.oldest(places, func(m *moment) bool { return m.hash == id.hash })
	if payload := id.payloadHash(); unknown != "" && payload != "" {
		at, unknown = s.oldest(places, func(m *moment) bool { return m.payloadHash() == payload })
	}
	return at, unknown
}

// oldest is where the oldest event is that matches: what came after it may be sent
// twice, but is not lost.
func (s *Subscriber) oldest(places []int, matches func(*moment) bool) (at position, unknown eventstream.Reason) {
	unknown = eventstream.Unknown
	for _, i := range places {
		l := &s.places[i].channel.log
		for n := range l.len() {
			if m := l.at(n); matches(m) && (unknown != "" || m.at.Compare(at) < 0) {
				at, unknown = m.at, ""
				break
			}
		}
	}
	return at, unknown
}
