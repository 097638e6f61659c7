package hub

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

func at(n uint64) position { return position{Seq: n} }

// waiting is a replay that waits for a read.
func waiting(cursor uint64, newest int) *replay {
	s := NewSubscriber(Request{Max: 100})
	return &replay{subscriber: s, cursors: []replayCursor{{at: at(cursor), newest: newest}}}
}

func entries(ids ...uint64) (all []protocol.Entry) {
	for _, n := range ids {
		all = append(all, protocol.Entry{ID: at(n)})
	}
	return all
}

func TestBackfillCovers(t *testing.T) {
	onItsWay := waiting(7, 0)
	onItsWay.cursors[0].located = true
	other := waiting(7, 0)
	other.subscriber.request.Max = 5
	whole, part, failed := Backfill{Entries: entries(6, 8)}, Backfill{Entries: entries(6, 8), More: true}, Backfill{Failed: true}
	for name, test := range map[string]struct {
		newest  int // of the read
		after   uint64
		past    Backfill
		p       *replay
		isLate  bool
		isKnown bool
	}{
		"at its start":                     {0, 5, part, waiting(5, 0), false, true},
		"after its start":                  {0, 5, whole, waiting(7, 0), false, true},
		"within a batch":                   {0, 5, part, waiting(7, 0), false, true},
		"after a batch":                    {0, 5, part, waiting(9, 0), false, false},
		"after the end":                    {0, 5, whole, waiting(9, 0), false, true},
		"before its start":                 {0, 5, whole, waiting(4, 0), false, false},
		"who came later":                   {0, 5, whole, waiting(7, 0), true, false},
		"with another max, within a batch": {0, 5, part, other, false, false},
		"with another max":                 {0, 5, whole, other, false, true},
		"on its way":                       {0, 5, part, onItsWay, false, true},
		"a newcomer":                       {0, 5, whole, waiting(0, 3), false, false},
		"at the start of one that failed":  {0, 5, failed, waiting(5, 0), false, true},
		"after one that failed":            {0, 5, failed, waiting(7, 0), false, false},
		"as many":                          {3, 0, part, waiting(0, 3), false, true},
		"fewer":                            {3, 0, whole, waiting(0, 2), false, true},
		"fewer, of a batch":                {3, 0, part, waiting(0, 2), false, false},
		"more":                             {3, 0, whole, waiting(0, 4), false, false},
		"a newcomer who came later":        {3, 0, whole, waiting(0, 3), true, false},
		"who came back, of newcomers' own": {3, 0, whole, waiting(7, 0), false, false},
	} {
		b := &backfillRead{newest: test.newest, after: at(test.after), most: 100, asked: map[*replay]int{}}
		if !test.isLate {
			b.asked[test.p] = 1
		}
		if got := b.covers(test.p, &test.past); got != test.isKnown {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// remembering is a channel that has received the events 21, 22 and 24 since 20.
func remembering() *channel {
	c := &channel{hub: New(nil, 1), name: "one", history: true, begun: true}
	c.log.start = at(20)
	for _, e := range entries(21, 22, 24) {
		c.log.add(newRecord(c, e.ID, e))
	}
	return c
}

func (c *channel) addRead(start, end uint64, lost protocol.Reason, ids ...uint64) {
	s := &segment{channel: c, start: at(start), end: at(end), gapAtStart: lost}
	for _, e := range entries(ids...) {
		s.events = append(s.events, newRecord(c, e.ID, e))
	}
	c.addSegment(s)
}

func TestVouch(t *testing.T) {
	for name, test := range map[string]struct {
		start      uint64
		lost       protocol.Reason
		formerHead uint64
		at         uint64
		want       protocol.Reason
	}{
		"the start":                      {5, "", 0, 5, ""},
		"the start, trimmed":             {5, protocol.Trimmed, 0, 5, protocol.Trimmed},
		"the start, unknown":             {5, protocol.Unknown, 0, 5, protocol.Unknown},
		"the start of another life":      {5, protocol.Unknown, 6, 5, protocol.Reset},
		"an event":                       {5, "", 0, 11, ""},
		"no event":                       {5, "", 0, 12, protocol.Unknown},
		"no event, of a former life":     {5, "", 12, 12, protocol.Reset},
		"an event, of a former life too": {5, "", 12, 11, ""},
		"older than all":                 {0, "", 0, 7, protocol.Reset},
		"older than all, trimmed":        {0, protocol.Trimmed, 0, 7, protocol.Trimmed},
		"the very beginning":             {0, "", 0, 0, ""},
		"trimmed since the beginning":    {0, protocol.Trimmed, 0, 0, protocol.Trimmed},
	} {
		c := &channel{hub: New(nil, 1), name: "one", history: true, formerHead: at(test.formerHead)}
		c.log.start = at(20)
		c.addRead(test.start, 20, test.lost, 10, 11, 13)
		piece, _ := c.run(at(test.at))
		if got := c.gapAfterClaimed(piece, at(test.at)); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}

func TestLocate(t *testing.T) {
	for name, test := range map[string]struct {
		g       replayCursor
		most    int
		isFound bool
		missed  protocol.Reason
		at      uint64
	}{
		"at the head":                      {replayCursor{at: at(24)}, 9, true, "", 24},
		"in the log":                       {replayCursor{at: at(21)}, 9, true, "", 21},
		"too far in the log":               {replayCursor{at: at(20)}, 2, true, protocol.Overflow, 21},
		"no event of the log":              {replayCursor{at: at(23)}, 9, true, protocol.Unknown, 23},
		"ahead":                            {replayCursor{at: at(25)}, 9, false, "", 25},
		"ahead of all gateways":            {replayCursor{at: at(25), hasRead: true}, 9, true, protocol.Reset, 24},
		"in what was read up to the log":   {replayCursor{at: at(15)}, 9, true, "", 15},
		"too far in it":                    {replayCursor{at: at(15)}, 4, true, protocol.Overflow, 17},
		"in what was read far back":        {replayCursor{at: at(5)}, 9, false, "", 5},
		"in it, having been read":          {replayCursor{at: at(5), hasRead: true}, 9, true, "", 5},
		"in it, where few come after":      {replayCursor{at: at(5)}, 50, true, "", 5},
		"in it, past the newest that many": {replayCursor{at: at(5)}, 40, true, protocol.Overflow, 6},
		"where nothing was read":           {replayCursor{at: at(9)}, 9, false, "", 9},
		"on its way there":                 {replayCursor{at: at(9), located: true}, 9, false, "", 9},
		"on its way":                       {replayCursor{at: at(6), located: true}, 9, true, "", 6},
		"on its way, and trimmed under it": {replayCursor{at: at(2), located: true}, 9, true, protocol.Trimmed, 2},
		"few newest":                       {replayCursor{newest: 2}, 9, true, "", 21},
		"newest that were read, too":       {replayCursor{newest: 4}, 9, true, "", 17},
		"more newest":                      {replayCursor{newest: 9}, 9, false, "", 0},
		"as many as there were":            {replayCursor{newest: 9, hasRead: true}, 9, true, "", 15},
		"more newest, known where":         {replayCursor{newest: 40}, 9, true, "", 6},
	} {
		c := remembering()
		c.addRead(15, 20, "", 17, 20)
		c.addRead(5, 8, "", 6, 8)
		c.addRead(0, 4, protocol.Trimmed, 3, 4)
		c.learnTail(50, tail{from: at(5)})
		c.learnTail(40, tail{from: at(6), isExact: true})
		cur := test.g
		missed, isFound := c.locate(&cur, test.most)
		if isFound != test.isFound || missed != test.missed || cur.at != at(test.at) {
			t.Errorf("%s: %t %q %s", name, isFound, missed, cur.at)
		}
	}
}
