package torture

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// What judges the others is judged here: it finds whatever may go wrong, and
// nothing where nothing does.
func TestCheckerFinds(t *testing.T) {
	for name, test := range histories {
		t.Run("history/"+name, func(t *testing.T) {
			r := newReport(newDiary())
			got := &record{name: "somebody", channel: "c", report: r}
			given := new(interpreter)
			given.emit = got.heard
			for _, part := range strings.Fields(test.got) {
				if part == "|" {
					got.opened(0, "")
				} else {
					given.feed([]byte(block(part)))
				}
			}
			var all []entry
			for _, n := range "12345" {
				all = append(all, newEntry(protocol.EntryID{Ms: uint64(n - '0')}, fmt.Append(nil, "data ", string(n))))
			}
			got.compare(&truth{entries: all})
			expect(t, r, test.want)
		})
	}
	for name, test := range losses {
		t.Run("loss/"+name, func(t *testing.T) {
			r := newReport(newDiary())
			got := &record{name: "somebody", channel: "c", report: r, expectsGaps: true}
			given := new(interpreter)
			given.emit = got.heard
			for _, part := range strings.Fields(test.got) {
				given.feed([]byte(block(part)))
			}
			tr := &truth{vanished: 1}
			for _, n := range "1236" {
				tr.entries = append(tr.entries, newEntry(protocol.EntryID{Ms: uint64(n - '0')}, fmt.Append(nil, "data ", string(n))))
			}
			tr.written = func(data uint64) bool {
				return slices.ContainsFunc([]string{"1", "2", "3", "4", "5", "6", "6x"}, func(n string) bool {
					return data == newEntry(protocol.EntryID{}, []byte("data "+n)).data
				})
			}
			got.compare(tr)
			expect(t, r, test.want)
		})
	}
	for name, test := range lives {
		t.Run("live/"+name, func(t *testing.T) {
			r := newReport(newDiary())
			a := &tally{name: "somebody", channel: "c", report: r, lossless: strings.HasPrefix(name, "without faults"), brief: strings.HasPrefix(name, "alone"), cuts: strings.HasPrefix(name, "cut"), moves: strings.HasPrefix(name, "moves")}
			for _, part := range strings.Fields(test.got) {
				switch {
				case part == "A" || part == "B":
					a.opened(int(part[0]-'A'), a.lastID)
				case part == "gap":
					a.heard(event{a.lastID, "sse.gap", []byte(`{"channel":"c"}`)})
				case part == "gap-of-another":
					a.heard(event{a.lastID, "sse.gap", []byte(`{"channel":"d"}`)})
				case part == "id":
					a.heard(event{id: fmt.Sprint(a.gateway, "-", a.last, "-here")})
				case strings.HasPrefix(part, "x"):
					a.heard(event{id: "x", data: []byte(part[1:] + " of d")})
				default:
					n := number([]byte(part))
					a.heard(event{id: fmt.Sprint(a.gateway, "-", n), data: []byte(payload("c", n))})
				}
			}
			a.finish(6)
			expect(t, r, test.want)
		})
	}
}

// block is the event of an entry: 3 is the third as it is, 3x has other
// data.
func block(part string) string {
	switch part {
	case "gap":
		return "event: sse.gap\ndata: {}\n\n"
	case "reset", "trimmed":
		return "event: sse.gap\ndata: {\"reason\":\"" + part + "\"}\n\n"
	}
	return fmt.Sprintf("id: %c-0\ndata: data %s\n\n", part[0], part)
}

// expect wants these findings, of one case each.
func expect(t *testing.T, r *report, want []kind) {
	t.Helper()
	for _, k := range kinds {
		n := 0
		for _, w := range want {
			if w == k {
				n++
			}
		}
		if r.count(k) != n {
			t.Errorf("it found %d %s, not %d: %s", r.count(k), k, n, r)
		}
	}
	for k := range r.counts {
		if !slices.Contains(kinds, k) {
			t.Errorf("it does not tell of what is %s", k)
		}
	}
}

type sequence struct {
	got  string
	want []kind
}

// In the histories are 1 to 5. A | is another connection.
var histories = map[string]sequence{
	"right":                {"| 1 2 | | 3 4 5 |", nil},
	"lost first":           {"| 2 3 4 5", []kind{lost}},
	"lost within":          {"| 1 2 4 5", []kind{lost}},
	"lost at reconnection": {"| 1 2 | 4 5", []kind{lost}},
	"lost last":            {"| 1 2 3 4", []kind{lost}},
	"lost all":             {"|", []kind{lost, lost, lost, lost, lost}},
	"twice at once":        {"| 1 2 2 3 4 5", []kind{twice}},
	"twice later":          {"| 1 2 3 | 2 4 5", []kind{twice}},
	"twice last":           {"| 1 2 3 4 5 | 5", []kind{twice}},
	"swapped":              {"| 1 3 2 4 5", []kind{outOfOrder}},
	"swapped at the end":   {"| 1 2 3 5 | 4", []kind{outOfOrder}},
	"altered":              {"| 1 2 3x 4 5", []kind{altered}},
	"altered and twice":    {"| 1 2 3 3x 4 5", []kind{altered, twice}},
	"strange":              {"| 1 2 3 4 5 6", []kind{strange}},
	"gap":                  {"| 1 2 3 | gap 4 5", []kind{gap}},
}

// In the histories are 1 to 3, and 6; 4 and 5 were there once, and so was another 6.
var losses = map[string]sequence{
	"nothing seen of it":           {"1 2 3 6", nil},
	"told":                         {"1 2 3 4 5 reset 6", nil},
	"told after one":               {"1 2 3 4 reset 6", nil},
	"told of what is there":        {"1 2 3 4 reset", nil},
	"told, and again":              {"1 2 3 4 5 reset 4 5 reset 6", nil},
	"another of the same ID":       {"1 2 3 6x reset 6", nil},
	"in silence":                   {"1 2 3 4 5 6", []kind{unsaid}},
	"told too early":               {"1 2 3 reset 4 5 6", []kind{unsaid}},
	"told too late":                {"1 2 3 4 6 reset", []kind{unsaid}},
	"again in silence":             {"1 2 3 4 4 reset 6", []kind{twice}},
	"again in silence after a gap": {"1 2 3 4 reset 4 6", []kind{unsaid}},
	"lost elsewhere":               {"1 3 4 reset 6", []kind{lost}},
	"for another reason":           {"1 2 3 4 trimmed 6", []kind{gap}},
	"strange":                      {"1 2 3 7 reset 6", []kind{strange}},
	"what is there twice":          {"1 2 3 4 reset 3 6", []kind{twice}},
}

// The numbers go to 6; A and B are connections to two gateways.
var lives = map[string]sequence{
	"right":                        {"A 1 2 3 A 4 A B 5 6", nil},
	"from the middle":              {"A 4 5 6", nil},
	"a gap announced":              {"A 1 2 gap 5 6", nil},
	"a gap announced on coming":    {"A 1 2 A gap 5 6", nil},
	"a gap before a cut":           {"A 1 2 gap A 5 6", nil},
	"a gap of nothing":             {"A 1 2 gap 3 4 5 6", nil},
	"again from another":           {"A 1 2 3 B 2 3 4 5 6", nil},
	"again after a visit":          {"A 1 2 3 B id A 3 4 5 6", nil},
	"again from one that is late":  {"A 1 2 3 B id B 3 4 5 6", nil},
	"moves":                        {"A 1 2 2 3 4 5 6", nil},
	"moves, an older one":          {"A 1 2 3 2 4 5 6", []kind{twice}},
	"unannounced":                  {"A 1 2 5 6", []kind{unsaid}},
	"unannounced at reconnection":  {"A 1 2 3 A 5 6", []kind{unsaid}},
	"unannounced at another":       {"A 1 2 3 B 5 6", []kind{unsaid}},
	"announced before":             {"A 1 gap 2 4 5 6", []kind{unsaid}},
	"announced after":              {"A 1 2 4 gap 5 6", []kind{unsaid}},
	"announced elsewhere":          {"A 1 2 gap-of-another 4 5 6", []kind{unsaid, strange}},
	"unannounced at the end":       {"A 1 2 3 4 5", []kind{lost}},
	"nothing":                      {"A", []kind{lost}},
	"without faults and announced": {"A 1 2 gap 4 5 6", []kind{lost}},
	"alone and announced":          {"A 1 2 A gap", nil},
	"alone and unannounced":        {"A 1 2 A", []kind{lost}},
	"cut and announced":            {"A 1 2 A gap", nil},
	"cut and unannounced":          {"A 1 2 A", []kind{lost}},
	"twice at once":                {"A 1 2 2 3 4 5 6", []kind{twice}},
	"twice on the same":            {"A 1 2 3 A 3 4 5 6", []kind{twice}},
	"twice after a visit":          {"A 1 2 3 B A 3 4 5 6", []kind{twice}},
	"twice but late":               {"A 1 2 3 B 4 3 5 6", []kind{twice}},
	"twice at once from another":   {"A 1 2 3 B 2 2 3 4 5 6", []kind{twice}},
	"out of order from another":    {"A 1 2 3 B 3 2 4 5 6", []kind{outOfOrder}},
	"altered":                      {"A 1 2 x3 3 4 5 6", []kind{strange}},
}

// A newcomer is owed the newest events that there were, of which Redis may have lost some since.
func TestCheckerOfNewcomers(t *testing.T) {
	const all = firstEvents + 20
	began := time.UnixMilli(all)
	for name, test := range map[string]struct {
		first, gone int // the first event that came, and how many of those that came are gone
		want        []kind
	}{
		"the newest":                 {all - firstEvents + 1, 0, nil},
		"one too few":                {all - firstEvents + 2, 0, []kind{lost}},
		"of which one is gone":       {all - firstEvents + 1, 1, nil},
		"one too few, and one gone":  {all - firstEvents + 2, 1, []kind{lost}},
		"more, of which some are so": {all - firstEvents - 3, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReport(newDiary())
			tr := &truth{written: func(uint64) bool { return true }}
			v := arrival{began: began, gaps: make(map[int]bool)}
			for n := 1; n <= all; n++ {
				e := newEntry(protocol.EntryID{Ms: uint64(n)}, fmt.Append(nil, "data ", n)) //nolint:gosec // it is small
				// Those that are gone came in the middle.
				isGone := n > all-10 && n <= all-10+test.gone
				if n >= test.first {
					if v.entries = append(v.entries, e); isGone {
						v.gaps[len(v.entries)] = true
					}
				}
				if !isGone {
					tr.entries = append(tr.entries, e)
				}
			}
			(&arrivals{subscriber: new(subscriber), report: r, channel: "c", all: []arrival{v}}).compare(tr)
			expect(t, r, test.want)
		})
	}
}
