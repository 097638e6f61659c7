package history

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/page"
	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// parsePage reads which page of the history a query asks for.
func parsePage(query url.Values, limit int) (p broker.Page, err error) {
	if p.Before, err = parseID(query, "before"); err != nil {
		return p, err
	}
	if p.Before == (protocol.EntryID{}) && query.Has("before") {
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

func parseID(query url.Values, name string) (protocol.EntryID, error) {
	id, ok := protocol.ParseShortEntryID(query.Get(name))
	if !ok && query.Has(name) {
		return id, fmt.Errorf("%s: %q is not an event's ID, like 1700000000000-0", name, query.Get(name))
	}
	return id, nil
}

// pageBytes is how many bytes the entries of a page have at most, unless it is one
// entry.
const pageBytes = 1 << 20

// answer writes the page, batch by batch. The newest entries have to be looked for
// backwards and are written forwards: those that are more than a batch are read
// twice rather than held.
func (h *History) answer(w http.ResponseWriter, r *http.Request, from *entryReader, p broker.Page) error {
	ctx := r.Context()
	var err error
	if from.hold, err = page.NewHold(ctx); err != nil {
		return answer.Refuse(w, http.StatusServiceUnavailable, err)
	}
	defer from.hold.Release()
	var batch []protocol.Entry
	var wanted found
	if p.Oldest {
		batch, err = from.oldest(ctx, p, p.Limit+1)
	} else {
		batch, wanted, err = from.newest(ctx, p)
		p.After, p.Oldest = wanted.first.Before(), true
	}
	switch {
	case errors.Is(err, page.ErrBusy):
		return answer.Refuse(w, http.StatusServiceUnavailable, err)
	case err != nil:
		return answer.Explain(w, answer.RedisError("reading the history", from.channel, err))
	}
	out := pageWriter{page.NewWriter(w)}
	_, _ = out.WriteString(`{"events":[`)
	next, bytes, last := wanted.next, 0, protocol.EntryID{}
	for n := 0; ; {
		for _, entry := range batch {
			if wanted.isPast(entry.ID) {
				return out.finish(next)
			}
			if !wanted.isSet && n > 0 && (n == p.Limit || bytes+sizeOf(entry) > pageBytes) {
				return out.finish(last.String())
			}
			if n > 0 {
				_ = out.WriteByte(',')
			}
			out.event(entry, h.view)
			n++
			bytes += sizeOf(entry)
			last = entry.ID
		}
		if from.isAtEnd || wanted.isSet && last == wanted.last {
			return out.finish(next)
		}
		if out.Flush() != nil {
			return nil // the client has left, or takes nothing
		}
		if n > 0 {
			p.After = last
		}
		if batch, err = from.oldest(ctx, p, p.Limit-n+1); err != nil {
			out.Abandon()
		}
	}
}

// A pageWriter writes a page of events.
type pageWriter struct{ *page.Writer }

// finish ends the page with where to go on.
func (w pageWriter) finish(next string) error {
	_, _ = w.WriteString(`],"next":`)
	w.Text(next)
	_ = w.WriteByte('}')
	_ = w.End() // the client has left
	return nil
}

// event writes an entry as an EventSource would get it. What is malformed is shown
// as far as it goes.
func (w pageWriter) event(entry protocol.Entry, view protocol.View) {
	event, _ := entry.Event(view)
	_, _ = w.WriteString(`{"id":`)
	w.Text(event.ID)
	if event.Type != "" {
		_, _ = w.WriteString(`,"event":`)
		w.Text(event.Type)
	}
	_, _ = w.WriteString(`,"data":`)
	w.Text(event.Data)
	if at := timeOf(entry.ID); at != "" {
		_, _ = w.WriteString(`,"time":`)
		w.Text(at)
	}
	_ = w.WriteByte('}')
}

// lastMs is the last millisecond of the year 9999, past which RFC 3339 has no
// dates. IDs of an app's own making may lie there.
const lastMs = 253402300799999

func timeOf(id protocol.EntryID) string {
	if id.Ms > lastMs {
		return ""
	}
	return time.UnixMilli(int64(id.Ms)).UTC().Format("2006-01-02T15:04:05.000Z")
}
