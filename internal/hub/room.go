package hub

// HasRoom reports whether somebody could come into these channels without there
// being more than most.
func (h *Hub) HasRoom(names []string, history bool, most int) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	channels := h.live
	if history {
		channels = h.histories
	}
	n := len(h.live) + len(h.histories)
	for _, name := range names {
		if channels[name] == nil {
			n++
		}
	}
	return n <= most || n == len(h.live)+len(h.histories)
}
