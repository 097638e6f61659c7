package feed_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/broker/fake"
	"github.com/caddy-sse/caddy-sse/internal/feed"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

func at(ms uint64) protocol.EntryID { return protocol.EntryID{Ms: ms} }

// denied is an error of a user who may not.
var denied = &broker.Error{Cause: broker.CauseDenied, Needs: "it takes rights", Err: errors.New("NOPERM")}

// shown is a backfill as text: where it starts, its entries, and what is known besides.
func shown(b hub.Backfill) string {
	text := fmt.Sprint(b.Start.Ms, ":")
	for _, e := range b.Entries {
		text += fmt.Sprint(" ", e.ID.Ms)
	}
	if b.More {
		text += " more"
	}
	if b.GapAtStart != "" {
		text += " at start: " + string(b.GapAtStart)
	}
	if b.GapBefore != "" {
		text += " before: " + string(b.GapBefore)
	}
	return text
}

// What is read for those who come back, and what may be missing from it.
func TestBackfill(t *testing.T) {
	t.Parallel()
	const entry = 40 + 4 + 8 + 1 + 8 // bytes of one of the fake's
	since := func(after uint64, most, entries int) func(*feed.Feed, func(hub.Backfill)) {
		return func(f *feed.Feed, done func(hub.Backfill)) { f.Since("c", at(after), most, entries*entry, done) }
	}
	newest := func(n, entries int) func(*feed.Feed, func(hub.Backfill)) {
		return func(f *feed.Feed, done func(hub.Backfill)) { f.Newest("c", n, entries*entry, done) }
	}
	five := func(b *fake.Broker) { b.Add("c", 10, 20, 30, 40, 50) }
	trimmed := func(b *fake.Broker) { five(b); b.Trim("c", 2) }
	emptied := func(b *fake.Broker) { five(b); b.Trim("c", 0) }
	without := func(ms ...uint64) func(*fake.Broker) {
		return func(b *fake.Broker) { five(b); b.Delete("c", ms...) }
	}
	slowly := func(b *fake.Broker) { five(b); b.FailBack(denied) }
	many := func(b *fake.Broker) {
		for ms := range uint64(100) {
			b.Add("c", ms+1)
		}
	}
	nothing := func(*fake.Broker) {}

	for name, test := range map[string]struct {
		history func(*fake.Broker)
		read    func(*feed.Feed, func(hub.Backfill))
		want    string
	}{
		"since the newest":                      {five, since(50, 0, 100), "50:"},
		"since one that is there":               {five, since(30, 0, 100), "30: 40 50"},
		"since the beginning":                   {five, since(0, 0, 100), "0: 10 20 30 40 50"},
		"since the beginning, there is nothing": {nothing, since(0, 0, 100), "0:"},
		"since one, all were removed":           {nothing, since(30, 0, 100), "0:"},
		"since one that was trimmed":            {trimmed, since(20, 0, 100), "0: 40 50 at start: trimmed"},
		"since the beginning, it was trimmed":   {trimmed, since(0, 0, 100), "0: 40 50 at start: trimmed"},
		"since the newest, trimmed to nothing":  {emptied, since(50, 0, 100), "0: at start: trimmed"},
		"since one that was deleted":            {without(30), since(30, 0, 100), "30: 40 50"},
		"since one, a later one was deleted":    {without(40), since(30, 0, 100), "30: 50"},
		"since one that never was":              {five, since(35, 0, 100), "35: 40 50 at start: unknown"},
		"no more than asked for":                {five, since(30, 2, 100), "30: 40 50"},
		"newest of a few":                       {five, newest(2, 100), "30: 40 50"},
		"newest, as many as there are":          {five, newest(5, 100), "0: 10 20 30 40 50"},
		"newest, more than there are":           {trimmed, newest(5, 100), "0: 40 50 at start: trimmed"},
		"newest of nothing":                     {nothing, newest(5, 100), "0:"},
		"more than bytes":                       {many, since(1, 0, 5), "1: 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 more"},
		"since, the newest of more":             {many, since(1, 20, 5), "80: 81 82 83 84 85 more before: overflow"},
		"newest, of more than bytes":            {many, newest(20, 5), "80: 81 82 83 84 85 86 87 88 89 90 91 92 93 94 95 96 more"},
		"newest, where going back is denied":    {func(b *fake.Broker) { many(b); b.FailBack(denied) }, newest(20, 5), "80: 81 82 83 84 85 more"},
		"all, where going back is denied":       {slowly, newest(20, 5), "0: 10 20 30 40 50"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := fake.New()
			test.history(b)
			f := feed.New(b, zap.NewNop)
			t.Cleanup(f.Close)
			f.Follow("c", newRecorder())
			done := make(chan hub.Backfill, 1)
			test.read(f, func(got hub.Backfill) { done <- got })
			select {
			case got := <-done:
				if shown(got) != test.want {
					t.Errorf("it read %q, not %q", shown(got), test.want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nothing was read")
			}
		})
	}
}

// A recorder notes what a follower is told.
type recorder struct{ told chan string }

func newRecorder() *recorder { return &recorder{make(chan string, 100)} }

func (r *recorder) Begin(head protocol.EntryID) { r.told <- fmt.Sprint("begin ", head.Ms) }

func (r *recorder) Append(entries []protocol.Entry) {
	for _, e := range entries {
		r.told <- fmt.Sprint(e.ID.Ms)
	}
}

func (r *recorder) Unreadable(present bool) { r.told <- fmt.Sprint("unreadable ", present) }

func (r *recorder) Readable() { r.told <- "readable" }

func (r *recorder) Gap(reason protocol.Reason, to protocol.EntryID) {
	r.told <- fmt.Sprint("gap ", reason, " ", to.Ms)
}

// await waits for what the follower is told next, word by word.
func (r *recorder) await(t *testing.T, want string) {
	t.Helper()
	got := ""
	for !strings.HasPrefix(got, want) {
		select {
		case told := <-r.told:
			got = strings.TrimSpace(got + ", " + told)
			got = strings.TrimPrefix(got, ", ")
		case <-time.After(10 * time.Second):
			t.Fatalf("the follower was told %q, not %q", got, want)
		}
		if !strings.HasPrefix(want, got) && !strings.HasPrefix(got, want) {
			t.Fatalf("the follower was told %q, not %q", got, want)
		}
	}
}
