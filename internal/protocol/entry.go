package protocol

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// An Entry is an event that a Redis stream keeps.
type Entry struct {
	ID EntryID
	// Fields are names and values in turn. Those called data, event and retry
	// (in milliseconds) are the event; retry is at most [MaxRetry].
	Fields []string
}

// Event is the entry as an event, whose ID is the entry's. An entry without
// data becomes, in format json, an object of all its other fields, and so does
// the start or the end of a run in any. What cannot
// be used is left out, with the error that says why.
func (e Entry) Event(v View) (eventstream.Event, error) {
	event := eventstream.Event{ID: e.ID.String(), Type: v.Type}
	hasData := false
	var bad error
	for i := 0; i+1 < len(e.Fields); i += 2 {
		switch value := e.Fields[i+1]; e.Fields[i] {
		case "data":
			event.Data, hasData = value, true
		case "event":
			if !eventstream.ValidType(value) {
				bad = errors.New("the field event holds a line end")
			} else if value != "" {
				event.Type = value
			}
		case "retry":
			retry, err := parseRetry(value)
			if err != nil {
				bad = fmt.Errorf("the field retry is %w", err)
			}
			event.Retry = retry
		}
	}
	if hasData {
		return event, bad
	}
	if v.Format == JSON || event.Type == StartType || event.Type == EndType {
		event.Data = e.object()
		return event, bad
	}
	return event, errors.New("the entry has no field data")
}

// object is the fields, but for event and retry, as a JSON object of strings.
func (e Entry) object() string {
	b := []byte{'{'}
	for i := 0; i+1 < len(e.Fields); i += 2 {
		if e.Fields[i] == "event" || e.Fields[i] == "retry" {
			continue
		}
		name, _ := json.Marshal(e.Fields[i]) // a string cannot fail
		value, _ := json.Marshal(e.Fields[i+1])
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(append(b, name...), ':'), value...)
	}
	return string(append(b, '}'))
}

// Fields are the event as an entry's fields.
func Fields(e eventstream.Event) []string {
	fields := []string{"data", e.Data}
	if e.Type != "" {
		fields = append(fields, "event", e.Type)
	}
	if e.Retry > 0 {
		fields = append(fields, "retry", strconv.FormatInt(e.Retry.Milliseconds(), 10))
	}
	return fields
}

// parseRetry reads a reconnection time.
func parseRetry(s string) (time.Duration, error) {
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms < 0 || ms > MaxRetry.Milliseconds() {
		return 0, fmt.Errorf(`a whole number of milliseconds, 0 to %d`, MaxRetry.Milliseconds())
	}
	return time.Duration(ms) * time.Millisecond, nil
}
