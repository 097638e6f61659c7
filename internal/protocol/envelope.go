package protocol

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// MaxRetry is the longest reconnection time that an envelope may ask for: a
// page that must not come back is closed by the app, not sent away for years.
const MaxRetry = 24 * time.Hour

// ParseEnvelope reads the payload of format json:
//
//	{"event": "like", "data": any, "id": "17", "retry": 10000}
//
// Only data is required. It is the event's data as it stands when it is a
// string, else as compact JSON. The id is a string or a number; retry is in
// milliseconds, at most [MaxRetry]. A null counts as absent, but for data. Any
// other name makes it no envelope, so that a plain JSON object that happens to
// have "data" in it loses nothing.
func ParseEnvelope(payload string) (eventstream.Event, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(payload), &fields); err != nil || fields == nil {
		return eventstream.Event{}, errors.New(`an envelope is a JSON object like {"event":"…","data":…,"id":"…","retry":10000}`)
	}
	if _, ok := fields["data"]; !ok {
		return eventstream.Event{}, errors.New(`an envelope needs "data"`)
	}
	var e eventstream.Event
	for name, raw := range fields {
		if err := setField(&e, name, raw); err != nil {
			return eventstream.Event{}, err
		}
	}
	return e, nil
}

func setField(e *eventstream.Event, name string, raw json.RawMessage) error {
	if name != "data" && string(raw) == "null" {
		return nil
	}
	switch name {
	case "data":
		if json.Unmarshal(raw, &e.Data) != nil || string(raw) == "null" {
			e.Data = compact(raw)
		}
	case "event":
		if json.Unmarshal(raw, &e.Type) != nil || !eventstream.ValidType(e.Type) {
			return errors.New(`"event" is a string without line ends`)
		}
	case "id":
		var number json.Number
		if json.Unmarshal(raw, &e.ID) != nil {
			if json.Unmarshal(raw, &number) != nil {
				return errors.New(`"id" is a string or a number`)
			}
			e.ID = number.String()
		}
		if !eventstream.ValidID(e.ID) {
			return fmt.Errorf(`"id" holds no control character, neither begins nor ends with a space, and has at most %d bytes`, eventstream.MaxID)
		}
	case "retry":
		retry, err := parseRetry(string(raw))
		if err != nil {
			return fmt.Errorf(`"retry" is %w`, err)
		}
		e.Retry = retry
	default:
		return fmt.Errorf("an envelope has no %q: only event, data, id and retry", name)
	}
	return nil
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// Envelope is the payload of format json that [ParseEnvelope] reads as e.
func Envelope(e eventstream.Event) string {
	b, _ := json.Marshal(struct {
		Type  string `json:"event,omitempty"`
		Data  string `json:"data"`
		ID    string `json:"id,omitempty"`
		Retry int64  `json:"retry,omitempty"`
	}{e.Type, e.Data, e.ID, e.Retry.Milliseconds()}) // strings and a number: it cannot fail
	return string(b)
}
