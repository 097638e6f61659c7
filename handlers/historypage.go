package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/caddy-sse/caddy-sse/module/bus"
	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// parsePage reads which page of the history a query asks for.
func parsePage(query url.Values, limit int) (p bus.Page, err error) {
	if p.Before, err = parseID(query, "before"); err != nil {
		return p, err
	}
	if p.Before == (eventstream.EntryID{}) && query.Has("before") {
		return p, errors.New("before: nothing comes before 0-0")
	}
	if p.After, err = parseID(query, "after"); err != nil {
		return p, err
	}
	p.Oldest = query.Has("after") && !query.Has("before")
	p.Limit = limit
	if query.Has("limit") {
		n, err := strconv.Atoi(query.Get("limit"))
		if err != nil || n < 1 {
			return p, fmt.Errorf("limit: %q is not a whole number from 1", query.Get("limit"))
		}
		p.Limit = min(n, limit)
	}
	return p, nil
}

func parseID(query url.Values, name string) (eventstream.EntryID, error) {
	id, ok := eventstream.ParseEntryID(query.Get(name))
	if !ok && query.Has(name) {
		return id, fmt.Errorf("%s: %q is not an event's ID, like 1700000000000-0", name, query.Get(name))
	}
	return id, nil
}

// A historyPage is what a request for the history is answered.
type historyPage struct {
	Events []pastEvent `json:"events"`
	Next   string      `json:"next"`
}

type pastEvent struct {
	ID   string `json:"id"`
	Type string `json:"event,omitempty"`
	Data string `json:"data"`
	Time string `json:"time,omitempty"`
}

func pastEvents(entries []eventstream.Entry, view eventstream.View) []pastEvent {
	events := make([]pastEvent, len(entries)) // not nil, which JSON calls null
	for i, entry := range entries {
		event, _ := entry.Event(view) // what is malformed is shown as far as it goes
		events[i] = pastEvent{event.ID, event.Type, event.Data, timeOf(entry.ID)}
	}
	return events
}

// lastMs is the last millisecond of the year 9999, past which RFC 3339 has no
// dates. IDs of an app's own making may lie there.
const lastMs = 253402300799999

func timeOf(id eventstream.EntryID) string {
	if id.Ms > lastMs {
		return ""
	}
	return time.UnixMilli(int64(id.Ms)).UTC().Format("2006-01-02T15:04:05.000Z")
}
