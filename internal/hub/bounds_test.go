package hub_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	. "github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// keeper is a subscriber of channels that remember.
func keeper(history bool, lastEventID string, r Retention, channel string) (*Subscriber, *outlet) {
	return NewSubscriber(Request{
		Channels:    []ChannelRequest{{Channel: channel}},
		History:     history,
		Max:         1000,
		LastEventID: lastEventID,
		Retention:   r,
		Preamble:    eventstream.NewFrame(0, func(b []byte) []byte { return b }),
		Pending:     1 << 20,
		Retry:       time.Second,
	}), new(outlet)
}

// Past its limit the memory forgets the oldest event of all, whichever channel
// it is of, and who comes back for it is told.
func TestMemoryIsBounded(t *testing.T) {
	const limit, channels = 100_000, 50
	keep := Retention{Events: 100, Bytes: 1 << 20, Linger: time.Hour}
	h := New(new(source), 2)
	h.LimitMemory(limit)
	ids := make([]string, channels)
	for i := range channels {
		name := fmt.Sprint("channel", i)
		s, out := keeper(false, "", keep, name)
		join(h, s, out)
		h.Subscribed(name)
		for range 20 {
			h.Message(name, strings.Repeat("x", 200))
			h.Settle() // what waits in the inboxes counts, too
			if got := h.Stats().Memory; got > limit {
				t.Fatalf("the channels remember %d bytes, not %d", got, limit)
			}
		}
		h.Settle()
		ids[i] = firstID(out)
		h.Leave(s)
	}
	if got := h.Stats().Memory; got < limit*9/10 {
		t.Errorf("only %d bytes of %d are used", got, limit)
	}
	back := func(i int) string {
		s, out := keeper(false, ids[i], keep, fmt.Sprint("channel", i))
		join(h, s, out)
		return out.got.String()
	}
	if got := back(0); strings.Count(got, `"reason":"overflow"`) != 1 || strings.Contains(got, "data: xx") {
		t.Errorf("the first channel replays %q", got)
	}
	if got := back(channels - 1); strings.Contains(got, "sse.gap") || strings.Count(got, "data: xx") != 20 {
		t.Errorf("the last channel replays %q", got)
	}
}

// firstID is the ID that the subscriber began with.
func firstID(out *outlet) string {
	_, rest, _ := strings.Cut(out.got.String(), "id: ")
	id, _, _ := strings.Cut(rest, "\n")
	return id
}

// longHistory is a source whose channels have histories of that many entries.
type longHistory struct {
	source
	entries  int
	size     int // of each; 200 if it is less
	read     int // entries
	reads    []func()
	fail     func() // the newest read
	follower Follower
}

func (p *longHistory) Since(channel string, after protocol.EntryID, max, bytes int, done func(Backfill)) {
	p.note("since " + channel)
	from, overflow := int(after.Seq), protocol.Reason("")
	if max > 0 && p.entries-from > max {
		from, overflow = p.entries-max, protocol.Overflow
	}
	p.mu.Lock()
	p.fail = func() { done(Backfill{Start: after, Failed: true}) }
	p.mu.Unlock()
	p.add(func() {
		read := p.page(from, bytes)
		read.GapBefore = overflow
		done(read)
	})
}

func (p *longHistory) Newest(channel string, n, bytes int, done func(Backfill)) {
	p.note(fmt.Sprint("newest ", n, " ", channel))
	from := max(0, p.entries-n)
	p.add(func() { done(p.page(from, bytes)) })
}

func (p *longHistory) add(read func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reads = append(p.reads, read)
}

// next is what was asked first; nil if nothing is.
func (p *longHistory) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.reads) == 0 {
		return nil
	}
	next := p.reads[0]
	p.reads = p.reads[1:]
	return next
}

// isAsked reports whether something is asked.
func (p *longHistory) isAsked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.reads) > 0
}

// after is all that is read after an entry.
func (p *longHistory) after(n int) Backfill { return p.page(n, math.MaxInt) }

// page is what is read after an entry.
func (p *longHistory) page(n, bytes int) Backfill {
	read := Backfill{Start: protocol.EntryID{Ms: 1, Seq: uint64(n)}}
	if n > p.entries {
		read.GapAtStart = protocol.Unknown
	}
	for n++; n <= p.entries && !read.More; n++ {
		read.Entries = append(read.Entries, protocol.Entry{
			ID: protocol.EntryID{Ms: 1, Seq: uint64(n)}, Fields: []string{"data", strings.Repeat("x", max(p.size, 200))},
		})
		bytes -= max(p.size, 200)
		read.More = bytes <= 0 && n < p.entries
	}
	p.read += len(read.Entries)
	return read
}

func (p *longHistory) Follow(_ string, f Follower) {
	p.follower = f
	head := protocol.EntryID{Ms: 1, Seq: uint64(p.entries)}
	p.add(func() { f.Begin(head) })
}

// answer answers what was asked.
func (p *longHistory) answer() {
	for p.isAsked() {
		p.answerOne()
	}
}

// answerAll answers what is asked until nothing is.
func (p *longHistory) answerAll(h *Hub) {
	for h.Settle(); p.isAsked(); h.Settle() {
		p.answer()
	}
}

// answerOne answers what was asked first.
func (p *longHistory) answerOne() { p.next()() }

// What is read for those who come back is bounded, too: it can be read again.
func TestMemoryOfThePastIsBounded(t *testing.T) {
	const limit, channels = 1_000_000, 100
	src := &longHistory{entries: 100}
	h := New(src, 2)
	h.LimitMemory(limit)
	comeBack := func(channel int) {
		t.Helper()
		s, out := keeper(true, "1-0", Retention{}, fmt.Sprint("channel", channel))
		join(h, s, out)
		src.answer()
		h.Settle()
		if got := strings.Count(out.got.String(), "data: xx"); got != src.entries {
			t.Fatalf("channel %d replays %d events, not %d: %q", channel, got, src.entries, out.got.String())
		}
		if got := h.Stats().Memory; got > limit {
			t.Fatalf("the channels remember %d bytes, not %d", got, limit)
		}
	}
	for i := range channels {
		comeBack(i)
	}
	if got := h.Stats().Memory; got < limit*9/10 {
		t.Errorf("only %d bytes of %d are used", got, limit)
	}
	src.asked = nil
	comeBack(channels - 1)
	comeBack(0)
	if got := src.String(); got != "since channel0" {
		t.Errorf("read again: %q", got)
	}
}

// An event that is received while the history is being read is not lost where the
// memory is full.
func TestNothingIsForgottenBehindARead(t *testing.T) {
	src := &longHistory{entries: 3}
	h := New(src, 2)
	h.LimitMemory(1)
	s, out := keeper(true, "1-1", Retention{Events: 100, Bytes: 1 << 20}, "one")
	join(h, s, out)
	src.answerOne() // begins, and asks for its history
	h.Settle()
	src.entries = 4
	src.follower.Append(src.after(3).Entries)
	src.answerAll(h)
	if got := strings.Count(out.got.String(), "data: xx"); got != 3 {
		t.Errorf("%d events came, not 3: %q", got, out.got.String())
	}
}

// Channels that nobody subscribes to any more are bounded: clients can make them
// up.
func TestLingeringChannelsAreBounded(t *testing.T) {
	h := New(new(source), 1)
	keep := Retention{Events: 100, Bytes: 1 << 20, Linger: time.Hour}
	for i := range MaxLingering + 10 {
		s, _ := keeper(false, "", keep, fmt.Sprint("channel", i))
		h.Join(s)
		h.Leave(s)
	}
	if got := h.Stats(); got.Live != MaxLingering || got.Subscribers != 0 {
		t.Errorf("%+v", got)
	}
	// Those who come back to one make room for another.
	s, _ := keeper(false, "", keep, "channel0")
	h.Join(s)
	other, _ := keeper(false, "", keep, "other")
	h.Join(other)
	h.Leave(other)
	if got := h.Stats(); got.Live != MaxLingering+1 || got.Subscribers != 1 {
		t.Errorf("%+v", got)
	}
}

func TestNothingIsLeftAfterLingering(t *testing.T) {
	h := New(new(source), 2)
	for i := range 100 {
		name := fmt.Sprint("channel", i)
		s, _ := keeper(false, "", Retention{Events: 100, Bytes: 1 << 20, Linger: 10 * time.Millisecond}, name)
		h.Join(s)
		h.Subscribed(name)
		h.Message(name, "hi")
		h.Leave(s)
	}
	redistest.Await(t, "all channels are forgotten", func() bool {
		got := h.Stats()
		return got.Subscribers+got.Live+got.Histories+got.Memory == 0
	})
}

// BenchmarkMemory is what a hub holds for a channel of one subscriber: as it
// begins, with 20 events of 200 bytes, when the subscriber has left, and when the
// channel is forgotten; and what it counts for the events itself.
func BenchmarkMemory(b *testing.B) {
	const channels, events = 50_000, 20
	for b.Loop() {
		h := New(new(source), 1)
		h.LimitMemory(1 << 30)
		base := heap()
		report := func(what string) {
			h.Settle()
			b.ReportMetric(float64(heap()-base)/channels, what+"-B/channel")
		}
		keep := Retention{Events: 100, Bytes: 1 << 20, Linger: time.Hour}
		all := make([]*Subscriber, channels)
		names := make([]string, channels)
		for i := range all {
			names[i] = fmt.Sprint("channel", i)
			all[i], _ = keeper(false, "", keep, names[i])
			h.Join(all[i])
			h.Subscribed(names[i])
			h.Attach(all[i], func(*Loop) Outlet { return nowhere{} })
		}
		report("silent")
		for range events {
			for _, name := range names {
				h.Message(name, string(make([]byte, 200)))
			}
		}
		b.ReportMetric(float64(h.Stats().Memory)/channels, "counted-B/channel")
		report("heard")
		for i, s := range all {
			h.Leave(s)
			all[i] = nil
		}
		report("lingering")
		h.LimitMemory(0)
		report("bare")
		runtime.KeepAlive(h)
	}
}

// nowhere is an outlet that keeps nothing.
type nowhere struct{}

func (nowhere) Send(*eventstream.Frame) {}
func (nowhere) Flush()                  {}
func (nowhere) Close(error)             {}
func (nowhere) WhenWritten(f func())    { f() }
func (nowhere) Waiting() int            { return 0 }

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// One who is far back is sent its history batch by batch, each read once, and
// whatever the history has, the memory is kept: also when thousands of bytes more
// are received meanwhile, and by nobody's cost.
func TestReplayOfMoreThanTheMemory(t *testing.T) {
	const limit = 2_000_000
	src := &longHistory{entries: 1000, size: 10_000}
	h := New(src, 2)
	h.LimitMemory(limit)
	keep := Retention{Events: 100, Bytes: 1 << 20, Linger: time.Hour}
	live, liveOut := keeper(false, "", keep, "live")
	join(h, live, liveOut)
	h.Subscribed("live")
	for range 100 {
		h.Message("live", strings.Repeat("x", 10_000))
	}
	h.Settle()
	id := firstID(liveOut)
	var outs []*outlet
	for i := range 4 {
		s, out := keeper(true, fmt.Sprint("1-", i*10), Retention{}, "one")
		join(h, s, out)
		outs = append(outs, out)
	}
	redistest.Await(t, "everyone to get the history", func() bool {
		for h.Settle(); src.isAsked(); h.Settle() {
			src.answerOne()
			if got := h.Stats().Memory; got > limit {
				t.Fatalf("the channels remember %d bytes, not %d", got, limit)
			}
		}
		return h.Stats().Replayed == 4*1000-(0+10+20+30)
	})
	h.Settle()
	delivered := 0
	for i, out := range outs {
		n := strings.Count(out.got.String(), "data: xx")
		delivered += n
		if n != 1000-i*10 || strings.Contains(out.got.String(), "sse.gap") {
			t.Errorf("who was at 1-%d gets %d events", i*10, n)
		}
	}
	if src.read > 2*delivered {
		t.Errorf("%d entries were read for %d that were delivered", src.read, delivered)
	}
	s, out := keeper(false, id, keep, "live")
	join(h, s, out)
	for range 20 {
		h.Settle()
	}
	if got := out.got.String(); strings.Contains(got, "sse.gap") || strings.Count(got, "data: xx") != 100 {
		t.Errorf("the live channel has forgotten events: %.200s", got)
	}
}

// A read that takes long, or fails, delays nobody but the one that it is for, who
// is told of a gap in the end.
func TestReadThatFails(t *testing.T) {
	src := &longHistory{entries: 1000, size: 10_000}
	h := New(src, 2)
	far, farOut := keeper(true, "1-1", Retention{}, "one")
	join(h, far, farOut)
	src.answerOne() // the channel begins
	fail := src.fail
	src.next()
	near, nearOut := keeper(true, "1-990", Retention{}, "one")
	join(h, near, nearOut)
	redistest.Await(t, "the other's read", src.isAsked)
	src.answerAll(h)
	if got := strings.Count(nearOut.got.String(), "data: xx"); got != 10 {
		t.Errorf("the other gets %d events", got)
	}
	fail()
	h.Settle()
	if got := farOut.got.String(); strings.Count(got, `"reason":"unknown","from":"1-1","to":"1-1000"`) != 1 || strings.Contains(got, "data: xx") {
		t.Errorf("got %.300s", got)
	}
}
