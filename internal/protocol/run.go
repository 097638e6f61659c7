package protocol

import "github.com/caddy-sse/caddy-sse/internal/eventstream"

// A run is a part of a channel's history that ends: the tokens of one answer, the steps
// of one export. It begins with an entry of type StartType, or where the history does,
// and an entry of type EndType ends it. Whoever writes the run writes these, too.
const (
	StartType = "sse.start"
	EndType   = "sse.end"
)

// An EndReason says how a run ended. It is the field reason of its end.
type EndReason string

// The reasons.
const (
	// EndDone: all that there is was written. It is that of an end that names none.
	EndDone EndReason = "done"
	// EndError: whoever wrote it failed. It is that of an end that names another word.
	EndError EndReason = "error"
	// EndStopped: somebody stopped it.
	EndStopped EndReason = "stopped"
	// EndLost: whoever wrote it is gone.
	EndLost EndReason = "lost"
)

// UnwholeEnds are the reasons for which a run is not all there.
var UnwholeEnds = [...]EndReason{EndError, EndStopped, EndLost}

// field is the value of the entry's field, the last one of that name.
func (e Entry) field(name string) (value string, isThere bool) {
	for i := 0; i+1 < len(e.Fields); i += 2 {
		if e.Fields[i] == name {
			value, isThere = e.Fields[i+1], true
		}
	}
	return value, isThere
}

// IsStart reports whether a run begins with the entry.
func (e Entry) IsStart() bool {
	name, _ := e.field("event")
	return name == StartType
}

// End is how a run ended with the entry; isEnd is false for any other entry.
func (e Entry) End() (reason EndReason, isEnd bool) {
	if name, _ := e.field("event"); name != EndType {
		return "", false
	}
	text, _ := e.field("reason")
	switch reason := EndReason(text); reason {
	case "", EndDone:
		return EndDone, true
	case EndError, EndStopped, EndLost:
		return reason, true
	}
	return EndError, true
}

// Ends are how subscribers are told that a run has ended. Those for whom they are equal
// share their frames.
type Ends struct {
	// Event is the type of the event that says so; empty: an ID alone does, of which
	// pages see nothing.
	Event string
	// Say is what is said instead at the ends that are not [EndDone], in the order of
	// [UnwholeEnds].
	Say [len(UnwholeEnds)]LastWord
}

// A LastWord is the last event of a subscription; without data there is none.
type LastWord struct{ Event, Data string }

// Frame is what a run's end is to its subscribers, and whether that says how it was:
// else, if the run is not all there, only a response that breaks off does.
func (e Ends) Frame(end Entry) (frame *eventstream.Frame, says bool) {
	reason, _ := end.End()
	for i, unwhole := range UnwholeEnds {
		if word := e.Say[i]; reason == unwhole && word.Data != "" {
			return eventstream.Event{ID: end.ID.String(), Type: word.Event, Data: word.Data}.Frame(), true
		}
	}
	if e.Event == "" {
		return eventstream.IDFrame(end.ID.String()), false
	}
	data, hasData := end.field("data")
	if !hasData {
		data = `{"reason":"` + string(reason) + `"}`
	}
	return eventstream.Event{ID: end.ID.String(), Type: e.Event, Data: data}.Frame(), true
}

// StopChannel is where a gateway publishes the token of a run that is to be stopped, for
// the one that has it.
const StopChannel = "sse.relay.stop"
