package hub

import "github.com/caddy-sse/caddy-sse/internal/protocol"

// resume sets out on what s has missed, wherever its channels have begun. Live
// channels are resumed together, so they are waited for until the page is open.
func (h *Hub) resume(s *Subscriber) {
	var indexes []int
	for i := range s.states {
		st := &s.states[i]
		if !st.channel.begun || st.replay != nil || st.group != nil {
			continue
		}
		if s.request.History {
			h.startReplay(s, []replayCursor{s.fromEntry(i)})
		} else {
			indexes = append(indexes, i)
		}
	}
	if len(indexes) == 0 || s.request.LastEventID != "" && s.unbegun > 0 && !s.opened {
		return
	}
	cursors := make([]replayCursor, len(indexes))
	at, bad := position{}, protocol.Reason("")
	if s.request.LastEventID != "" && !s.resumed {
		at, bad = s.locateLive(indexes)
	}
	for n, i := range indexes {
		cursors[n] = replayCursor{index: i, from: s.request.LastEventID, at: at, bad: bad, located: true}
		if s.request.LastEventID == "" || s.resumed {
			cursors[n] = s.fromNow(i)
		}
	}
	s.resumed = true
	h.startReplay(s, cursors)
}

// began is called when a channel that s waits for has begun.
func (h *Hub) began(s *Subscriber) {
	s.unbegun--
	h.resume(s)
}

func (h *Hub) startReplay(s *Subscriber, cursors []replayCursor) {
	r := &replay{subscriber: s, cursors: cursors}
	for _, cur := range cursors {
		s.states[cur.index].replay = r
	}
	h.advance(r)
}

// fromNow begins with what comes next. A page that has been open before its
// channel was subscribed may have missed something.
func (s *Subscriber) fromNow(i int) replayCursor {
	cur := replayCursor{index: i, fromHead: true}
	if s.opened {
		cur.bad = protocol.Unknown
	}
	return cur
}

// fromEntry begins where the subscriber was in a channel with history, or, if it
// is new there, with the newest events that it wants.
func (s *Subscriber) fromEntry(i int) replayCursor {
	r := &s.request
	if at, ok := protocol.ParseShortEntryID(r.LastEventID); ok && len(r.Channels) == 1 {
		return replayCursor{index: i, at: at, from: at.String()}
	}
	vector, _ := protocol.ParseVector(r.LastEventID)
	if at, ok := vector.At(s.states[i].tag); ok {
		return replayCursor{index: i, at: at, from: at.String()}
	}
	isNew := r.LastEventID == ""
	for j := range s.states {
		_, known := vector.At(s.states[j].tag)
		isNew = isNew || known
	}
	switch {
	case !isNew:
		return replayCursor{index: i, bad: protocol.Unknown, from: r.LastEventID}
	case r.Last == 0:
		return s.fromNow(i)
	}
	return replayCursor{index: i, newest: r.Last}
}

// locateLive finds out where the subscriber was in those of its live channels.
func (s *Subscriber) locateLive(indexes []int) (at position, unknown protocol.Reason) {
	text := s.request.LastEventID
	id, ok := parseLiveID(text)
	if ok && id.epoch == s.hub.epoch {
		at = position{Seq: id.number}
		for _, i := range indexes {
			l := &s.states[i].channel.log
			n, isEvent := l.after(at)
			if isEvent && l.at(n-1).hash == id.hash || at == l.start && l.startHash == id.hash || at.Compare(l.start) < 0 {
				return at, ""
			}
		}
		return at, protocol.Unknown // it was in other channels
	}
	if !ok {
		return s.newest(indexes, func(r *record) bool { return r.matchesAppID(text) })
	}
	// By what came before it, too, if this gateway has received that; else by the
	// payload alone.
	at, unknown = s.oldest(indexes, func(r *record) bool { return r.hash == id.hash })
	if payload := id.payloadHash(); unknown != "" && payload != "" {
		at, unknown = s.oldest(indexes, func(r *record) bool { return r.payloadHash() == payload })
	}
	return at, unknown
}

// oldest is where the oldest event is that matches: what came after it may be sent
// twice, but is not lost.
func (s *Subscriber) oldest(indexes []int, matches func(*record) bool) (at position, unknown protocol.Reason) {
	return s.pick(indexes, matches, func(p, chosen position) bool { return p.Compare(chosen) < 0 })
}

// newest is where the newest event is that matches. An app that uses an ID of its own
// again, such as the number of a state, says by it that both are the same to a page that
// comes back; from the oldest, each return would bring most of the log again.
func (s *Subscriber) newest(indexes []int, matches func(*record) bool) (at position, unknown protocol.Reason) {
	return s.pick(indexes, matches, func(p, chosen position) bool { return p.Compare(chosen) > 0 })
}

// pick is where that event is, of those that match, which is better than all others.
func (s *Subscriber) pick(indexes []int, matches func(*record) bool, isBetter func(p, chosen position) bool) (at position, unknown protocol.Reason) {
	unknown = protocol.Unknown
	for _, i := range indexes {
		l := &s.states[i].channel.log
		for n := range l.len() {
			if r := l.at(n); matches(r) && (unknown != "" || isBetter(r.at, at)) {
				at, unknown = r.at, ""
			}
		}
	}
	return at, unknown
}
