package subscribe

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"unique"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// MaxLastWord is how many bytes a last word may have.
const MaxLastWord = 4 << 10

// Ends has a subscription end with the run that it is in: the tokens of one answer, the
// steps of one export. Whoever writes the run to the channel's history ends it by an
// entry with the field `event` `sse.end` and a field `reason`: `done` (or none), `error`,
// `stopped` or `lost`. It may begin it by an entry with `event` `sse.start`.
//
// At `done` the response ends cleanly, after the end's ID, which pages do not see. At the
// other reasons, and whenever the gateway closes a subscription whose run goes on, the
// connection breaks off, so that half an answer is not taken for a whole one.
type Ends struct {
	// The type of an event that says how the run ended: its data is the field `data` of
	// the end, or else `{"reason":"done"}`. The response then ends cleanly at every
	// reason. Default: none.
	Event string `json:"event,omitempty"`

	// The answer to somebody who has the end already, or comes where there is nothing in
	// the history. `204` (default): status 204, which stops an EventSource. `empty`: a
	// stream without events, that ends. `404`: status 404.
	None string `json:"none,omitempty"`

	// What somebody gets who comes for the first time when the run has ended. `replay`
	// (default): all of it. `204`: what `none` says.
	AfterEnd string `json:"after_end,omitempty"`

	// Last events for the ends that are not `done`, at most one each. The response then
	// ends cleanly. Default: none, the connection breaks off.
	Say []LastWord `json:"say,omitempty"`

	// Breaks the connection off where the subscriber would otherwise be told by
	// `sse.gap` that events may be missing: for clients that read each event as a part of
	// the answer.
	SilentGaps bool `json:"silent_gaps,omitempty"`

	// Answers DELETE requests: they stop the channel's run, if it is one of sse_relay, on
	// whatever gateway, which ends as `stopped`; with `?run=` only the one of that token,
	// which the header `Sse-Run` has. The answer is status 204, also where no run is on.
	// They go through the gate. Default: DELETE requests go on to the next handler.
	Stop bool `json:"stop,omitempty"`
}

// A LastWord is the last event of a subscription, whose ID is that of the run's end. No
// placeholders are filled in.
type LastWord struct {
	// The reason of the end: `error`, `stopped` or `lost`.
	At string `json:"at,omitempty"`
	// The event's type. Default: none, which a browser calls `message`.
	Event string `json:"event,omitempty"`
	// The event's data, of at most 4096 bytes.
	Data string `json:"data,omitempty"`
}

// The words of [Ends.None] and [Ends.AfterEnd].
const (
	none204    = "204"
	noneEmpty  = "empty"
	none404    = "404"
	endReplay  = "replay"
	silentGaps = "silent"
)

// check checks the settings; nil has none.
func (e *Ends) check() error {
	if e == nil {
		return nil
	}
	if err := request.CheckEventType("end_event", e.Event); err != nil {
		return err
	}
	switch cmp.Or(e.None, none204) {
	case none204, noneEmpty, none404:
	default:
		return fmt.Errorf("none is 204, empty or 404, not %q", e.None)
	}
	switch cmp.Or(e.AfterEnd, endReplay) {
	case endReplay, none204:
	default:
		return fmt.Errorf("after_end is replay or 204, not %q", e.AfterEnd)
	}
	for i := range e.Say {
		if err := e.Say[i].check(e.Say[:i]); err != nil {
			return err
		}
	}
	return nil
}

// check checks a last word and that it is none of those before it.
func (w *LastWord) check(before []LastWord) error {
	switch {
	case !slices.Contains(protocol.UnwholeEnds[:], protocol.EndReason(w.At)):
		return fmt.Errorf("say: %q is none of error, stopped and lost", w.At)
	case slices.ContainsFunc(before, func(other LastWord) bool { return other.At == w.At }):
		return fmt.Errorf("say %s stands here twice", w.At)
	case w.Data == "":
		return fmt.Errorf("say %s needs data: browsers drop an event without", w.At)
	case len(w.Event)+len(w.Data) > MaxLastWord:
		return fmt.Errorf("say %s has %d bytes: it may have %d", w.At, len(w.Event)+len(w.Data), MaxLastWord)
	}
	return request.CheckEventType("say: event", w.Event)
}

// shared is what subscribers share who want the same; the zero handle if e is nil.
func (e *Ends) shared() (h unique.Handle[protocol.Ends]) {
	if e == nil {
		return h
	}
	ends := protocol.Ends{Event: e.Event}
	for _, w := range e.Say {
		if i := slices.Index(protocol.UnwholeEnds[:], protocol.EndReason(w.At)); i >= 0 {
			ends.Say[i] = protocol.LastWord{Event: w.Event, Data: w.Data}
		}
	}
	return unique.Make(ends)
}

// An endsParser reads the lines that are about ends, in any order.
type endsParser struct {
	d    *caddyfile.Dispenser
	to   **Ends
	isOn bool // ends stands there
}

func (p *endsParser) ends() *Ends {
	if *p.to == nil {
		*p.to = new(Ends)
	}
	return *p.to
}

// addTo adds the lines to those of the directive.
func (p *endsParser) addTo(subs block.Subdirectives) {
	subs["ends"] = func() error {
		p.ends()
		return block.Flag(p.d, &p.isOn)()
	}
	subs["end_event"] = func() error { return block.Text(p.d, &p.ends().Event)() }
	subs["none"] = func() error { return block.Text(p.d, &p.ends().None)() }
	subs["after_end"] = func() error { return block.Text(p.d, &p.ends().AfterEnd)() }
	subs["stop"] = func() error { return block.Flag(p.d, &p.ends().Stop)() }
	subs["say"] = p.parseSay
	subs["gap"] = func() error {
		var word string
		if err := block.Text(p.d, &word)(); err != nil {
			return err
		}
		if word != silentGaps {
			return p.d.Errf("gap is silent, or is left out, not %q", word)
		}
		p.ends().SilentGaps = true
		return nil
	}
}

func (p *endsParser) parseSay() error {
	args := p.d.RemainingArgs()
	if len(args) < 2 || len(args) > 3 {
		return p.d.Err("say takes error, stopped or lost, then an event type and data, or data alone; quote data with spaces")
	}
	word := LastWord{At: args[0], Data: args[len(args)-1]}
	if len(args) == 3 {
		if word.Event = args[1]; word.Event == "" {
			return p.d.Err("say: the event's type is empty: leave it out")
		}
	}
	e := p.ends()
	e.Say = append(e.Say, word)
	return nil
}

// check says what is wrong once all lines are read.
func (p *endsParser) check() error {
	if *p.to != nil && !p.isOn {
		return p.d.WrapErr(errors.New("end_event, none, after_end, say, stop and gap are about the ends of runs, and need the line ends"))
	}
	return nil
}
