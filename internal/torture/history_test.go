package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Anyone who comes back gets what it missed, once, in order, on any gateway; and
// no fault of Redis or of a gateway costs anyone an event.
func TestTorture(t *testing.T) {
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	gateways := startGateways(t, server, "")
	random := dice(t)
	r := random()
	history{
		channels: 50, subscribers: 300, deliveries: *deliveries, rate: *rate, late: 10 * time.Second, habit: hasty,
		newcomers: 24, slow: 50,
		faults: []fault{
			killPubSub(server), killPubSub(server), killNormal(server), killNormal(server),
			restart(server, r), restart(server, r), freeze(server), crash(gateways, r), crash(gateways, r),
			demote(server, r), revoke(server, r),
		},
	}.run(t, single{server}, gateways, random).judge(t)
}

// A history is a run with histories.
type history struct {
	channels, subscribers int
	deliveries            int64 // at least
	rate                  float64
	// late is when the last of the subscribers first come: half of them before
	// anything is written.
	late   time.Duration
	habit  habit // of three in four
	faults []fault
	// members is how many subscribers of each channel have presence there.
	members int
	// newcomers is how many come again and again for the first time.
	newcomers int
	// slow is how many of the subscribers read slowly.
	slow int
	// lines are what subscribers share; none: each has its own connections.
	lines []*line
}

// reach is how long everyone may take to get to the end when all is calm.
const reach = time.Minute

func (h history) run(t *testing.T, p place, gateways []gateway, random func() *rand.Rand) *report {
	t.Helper()
	d := newDiary()
	r := newReport(d)
	a := h.begin(t, p, gateways, r, random)
	d.strikeUntil(t, h.deliveries, h.rate, a.crowd.deliveries.Load, h.faults, random())
	a.finish(t, p, random())
	return r
}

// An aHistory is a history that has begun.
type aHistory struct {
	channels []string
	records  []*record
	arrivals []*arrivals
	crowd    *crowd
	writers  *writers
}

// begin has the subscribers come, and the writers write.
func (h history) begin(t *testing.T, p place, gateways []gateway, r *report, random func() *rand.Rand) *aHistory {
	t.Helper()
	channels := make([]string, h.channels)
	for i := range channels {
		channels[i] = fmt.Sprint("torture:", i)
	}
	var early []*record
	records := make([]*record, h.subscribers)
	subscribers := make([]*subscriber, h.subscribers)
	for i := range subscribers {
		channel := channels[i%h.channels]
		records[i] = &record{name: fmt.Sprintf("subscriber %d of %s", i, channel), channel: channel, report: r, expectsGaps: p.mayLose()}
		s := &subscriber{
			// It stays in the URL when the browser comes back with a header.
			path:     "/h/" + channel + "?lastEventId=0-0",
			listener: records[i], gateways: gateways, random: random(),
		}
		if i/h.channels < h.members {
			s.path = fmt.Sprint("/here/", channel, "?lastEventId=0-0&member=", i)
		}
		if i/h.channels%4 != 0 {
			s.habit = h.habit
		}
		if s.random.IntN(2) == 0 {
			s.delay = time.Duration(s.random.Int64N(int64(h.late)))
		} else {
			early = append(early, records[i])
		}
		if i < h.slow {
			s.readRate = slowRate
		}
		if n := len(h.lines); n > 0 {
			s.line = h.lines[i%n]
		}
		subscribers[i] = s
	}
	new := make([]*arrivals, h.newcomers)
	for i := range new {
		s := newcomer(channels[i%h.channels], gateways, r, random())
		new[i] = s.listener.(*arrivals)
		new[i].expectsGaps = p.mayLose()
		subscribers = append(subscribers, s)
	}
	c := gather(t, r, subscribers)
	if !await(reach, func() bool { return all(early, func(r *record) bool { return r.hasOpened() }) }) {
		t.Fatal("the gateways do not answer everyone")
	}
	w := write(t, p, channels, h.rate*float64(h.channels)/float64(h.subscribers), random)
	return &aHistory{channels, records, new, c, w}
}

// slowRate is how many bytes a second one reads who reads slowly: more than come
// on average, and much less than come at once.
const slowRate = 64 << 10

// finish ends the writing, waits until everyone has come to the end, and judges
// what each was given.
func (a *aHistory) finish(t *testing.T, p place, random *rand.Rand) {
	t.Helper()
	a.writers.finish()
	a.crowd.calm.Store(true)

	if p.mayLose() {
		a.writers.addLast(p, a.channels, random)
	}
	truths := make(map[string]*truth)
	clients := make(map[*redistest.Server]*redis.Client)
	var total lossTotal
	for _, channel := range a.channels {
		owner := p.owner(channel)
		if clients[owner] == nil {
			clients[owner] = owner.Client()
		}
		truths[channel] = a.writers.ledger.truth(channel, entries(t, clients[owner], channel))
		total.vanished += truths[channel].vanished
	}
	if !await(reach, func() bool {
		return all(a.records, func(r *record) bool { return r.last() == truths[r.channel].end() })
	}) {
		t.Errorf("not everyone got to the end within %s", reach)
	}
	pause(context.Background(), time.Second) // for what comes too much
	a.crowd.leave()
	for _, r := range a.records {
		r.compare(truths[r.channel])
		total.add(r.loss)
	}
	first := 0
	for _, n := range a.arrivals {
		n.compare(truths[n.channel])
		first += len(n.all)
	}
	d := a.crowd.report.diary
	t.Logf("%d deliveries, %d reconnections and %d first visits in %.1fs; faults: %s; entries: %s", a.crowd.deliveries.Load(),
		a.crowd.visits.Load()-int64(len(a.records)+first), first, time.Since(d.began).Seconds(), d, a.writers)
	if p.mayLose() {
		t.Log(&total)
	}
}

func all[T any](those []T, hold func(T) bool) bool {
	for _, one := range those {
		if !hold(one) {
			return false
		}
	}
	return true
}

func (tr *truth) end() (id protocol.EntryID) {
	if n := len(tr.entries); n > 0 {
		id = tr.entries[n-1].id
	}
	return id
}

// asReceived is what a client makes of an event's line ends.
var asReceived = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// entries are all of the history.
func entries(t *testing.T, c *redis.Client, channel string) []entry {
	t.Helper()
	var all []entry
	for from := "-"; ; {
		page, err := c.XRangeN(t.Context(), channel, from, "+", 1000).Result()
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		for _, m := range page {
			id, _ := protocol.ParseEntryID(m.ID) // as Redis writes it
			data, _ := m.Values["data"].(string)
			all = append(all, newEntry(id, []byte(asReceived.Replace(data))))
		}
		from = "(" + page[len(page)-1].ID
	}
}
