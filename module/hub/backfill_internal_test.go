package hub

import (
	"testing"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// waiting is a pursuit that waits for a read.
func waiting(cursor uint64, newest int) *pursuit {
	s := NewSubscriber(Request{Max: 100})
	return &pursuit{subscriber: s, legs: []leg{{cursor: position{Seq: cursor}, newest: newest}}}
}

func TestBackfillCovers(t *testing.T) {
	for name, test := range map[string]struct {
		newest   int
		after    uint64
		p        *pursuit
		isAsked  bool
		isCovers bool
	}{
		"at its start":           {0, 5, waiting(5, 0), true, true},
		"after its start":        {0, 5, waiting(7, 0), true, true},
		"before its start":       {0, 5, waiting(4, 0), true, false},
		"who came later":         {0, 5, waiting(7, 0), false, false},
		"a newcomer":             {0, 5, waiting(0, 3), true, false},
		"as many":                {3, 0, waiting(0, 3), true, true},
		"fewer":                  {3, 0, waiting(0, 2), true, true},
		"more":                   {3, 0, waiting(0, 4), true, false},
		"a newcomer, later":      {3, 0, waiting(0, 3), false, false},
		"back, read of newcomer": {3, 0, waiting(7, 0), true, false},
	} {
		b := &backfill{newest: test.newest, after: position{Seq: test.after}, asked: map[*pursuit]struct{}{}}
		if test.isAsked {
			b.asked[test.p] = struct{}{}
		}
		if got := b.covers(test.p, &test.p.legs[0]); got != test.isCovers {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestNextBackfill(t *testing.T) {
	back, far, few, many := waiting(7, 0), waiting(4, 0), waiting(0, 3), waiting(0, 9)
	for name, test := range map[string]struct {
		waiting         []*pursuit
		newcomersFirst  bool
		newest          int
		after           uint64
		isOfThePosition bool
	}{
		"one back":          {[]*pursuit{back}, true, 0, 7, true},
		"two back":          {[]*pursuit{back, far}, false, 0, 4, true},
		"newcomers":         {[]*pursuit{few, many}, false, 9, 0, false},
		"both":              {[]*pursuit{few, back}, false, 0, 7, true},
		"both, the other":   {[]*pursuit{few, back}, true, 3, 0, false},
		"one from the zero": {[]*pursuit{waiting(0, 0), back}, false, 0, 0, true},
	} {
		behind := make(map[*pursuit]struct{})
		for _, p := range test.waiting {
			behind[p] = struct{}{}
		}
		b := nextBackfill(behind, test.newcomersFirst)
		if b.newest != test.newest || test.isOfThePosition && b.after.Seq != test.after || len(b.asked) != len(test.waiting) {
			t.Errorf("%s: %+v", name, b)
		}
	}
}

func TestVouch(t *testing.T) {
	h := New(nil, 1)
	at := func(n uint64) position { return position{Seq: n} }
	for name, test := range map[string]struct {
		start      uint64
		lost       eventstream.Reason
		formerHead uint64
		at         uint64
		want       eventstream.Reason
	}{
		"the start":                      {5, "", 0, 5, ""},
		"the start, trimmed":             {5, eventstream.Trimmed, 0, 5, eventstream.Trimmed},
		"the start, unknown":             {5, eventstream.Unknown, 0, 5, eventstream.Unknown},
		"the start of another life":      {5, eventstream.Unknown, 6, 5, eventstream.Reset},
		"an event":                       {5, "", 0, 11, ""},
		"no event":                       {5, "", 0, 12, eventstream.Unknown},
		"no event, of a former life":     {5, "", 12, 12, eventstream.Reset},
		"an event, of a former life too": {5, "", 12, 11, ""},
		"older than all":                 {0, "", 0, 7, eventstream.Reset},
		"older than all, trimmed":        {0, eventstream.Trimmed, 0, 7, eventstream.Trimmed},
		"the very beginning":             {0, "", 0, 0, ""},
		"trimmed since the beginning":    {0, eventstream.Trimmed, 0, 0, eventstream.Trimmed},
	} {
		c := &channel{hub: h, name: "one", history: true}
		c.log.start, c.log.lost, c.formerHead = at(test.start), test.lost, at(test.formerHead)
		for _, n := range []uint64{10, 11, 13} {
			c.log.past = append(c.log.past, newMoment(c, at(n), eventstream.Entry{ID: at(n)}))
		}
		if got := c.vouch(at(test.at)); got != test.want {
			t.Errorf("%s: %q, not %q", name, got, test.want)
		}
	}
}
