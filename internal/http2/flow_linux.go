package http2

import "encoding/binary"

// notePayload follows windows. It may change the payload, and is false if the server is
// not to get the frame.
func (s *Session) notePayload(h head, payload []byte) bool {
	switch h.kind {
	case typeSettings:
		s.noteSettings(payload)
		if s.served != nil {
			s.served.owed++
		}
		return true
	case typeRSTStream:
		if st := s.streams[h.stream]; st != nil {
			if st.taken != nil && !st.serverDone {
				s.unended.add(h.stream)
			}
			s.end(h.stream, st)
			s.delete(h.stream)
		}
		return true
	}
	n := int64(binary.BigEndian.Uint32(payload) & largestWindow)
	if h.stream != 0 {
		return s.noteStreamWindow(h.stream, n)
	}
	return s.noteWindow(n, payload)
}

// noteWindow takes a WINDOW_UPDATE of the connection.
func (s *Session) noteWindow(n int64, payload []byte) bool {
	if n == 0 {
		return true // an error
	}
	forServer, ok := s.ledger.update(n)
	if !ok { // that the server would not find, which knows of less: two such are too many in any case
		binary.BigEndian.PutUint32(payload, largestWindow)
		s.in.buf = appendFrame(s.in.buf, typeWindowUpdate, 0, largestWindow)
		return true
	}
	s.changed.Broadcast()
	s.wakeStarved()
	binary.BigEndian.PutUint32(payload, uint32(forServer))
	return forServer > 0
}

// noteStreamWindow takes a WINDOW_UPDATE of a stream. The server does not have those that
// are taken any more.
func (s *Session) noteStreamWindow(id uint32, n int64) bool {
	st := s.streams[id]
	if st == nil {
		return true
	}
	if st.window += n; st.taken == nil || n == 0 { // nothing is an error
		return true
	}
	if st.window > largestWindow {
		s.reset(id, st, codeFlowControl)
		return false
	}
	st.taken.wakeIfStarved()
	return false
}

// noteSettings takes the client's settings. It may change what the server gets of them.
func (s *Session) noteSettings(payload []byte) {
	defer s.told.note(payload)
	for ; len(payload) > 0; payload = payload[6:] {
		value := binary.BigEndian.Uint32(payload[2:])
		switch binary.BigEndian.Uint16(payload) {
		case settingInitialWindowSize:
			if value > largestWindow {
				continue // an error
			}
			change := int64(value) - s.initial
			s.initial = int64(value)
			for _, st := range s.streams {
				if st.window += change; st.taken != nil && st.window > largestWindow {
					binary.BigEndian.PutUint32(payload[2:], 1<<31) // an error, which the server then finds
				}
			}
		case settingMaxFrameSize:
			// A frame of the server's that has to wait for the window needs all of it.
			if value > smallestFrameSize && value < 1<<24 {
				binary.BigEndian.PutUint32(payload[2:], smallestFrameSize)
			}
		}
	}
	s.wakeStarved()
}

func (s *Session) wakeStarved() {
	if s.taken == 0 {
		return
	}
	for _, st := range s.streams {
		if st.taken != nil {
			st.taken.wakeIfStarved()
		}
	}
}
