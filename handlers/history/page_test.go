package history

import (
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A query says which page is asked for, or is refused with what is wrong in it.
func TestParsePage(t *testing.T) {
	t.Parallel()
	id := func(ms, seq uint64) protocol.EntryID { return protocol.EntryID{Ms: ms, Seq: seq} }
	for query, want := range map[string]broker.Page{
		"":                         {Limit: 10},
		"before=5":                 {Before: id(5, 0), Limit: 10},
		"after=5-7":                {After: id(5, 7), Oldest: true, Limit: 10},
		"after=0-0":                {Oldest: true, Limit: 10},
		"before=9-9&after=5-7":     {Before: id(9, 9), After: id(5, 7), Limit: 10},
		"limit=3":                  {Limit: 3},
		"limit=11":                 {Limit: 10},
		"limit=999999":             {Limit: 10},
		"limit=1&before=0-1&x=yes": {Before: id(0, 1), Limit: 1},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsePage(values, 10); err != nil || got != want {
			t.Errorf("%s: got %+v, %v", query, got, err)
		}
	}
	for query, want := range map[string]string{
		"before=":                      `before: "" is not an event's ID`,
		"before=0-0":                   "before: nothing comes before 0-0",
		"after=x":                      `after: "x" is not an event's ID, like 1700000000000-0`,
		"after=-1":                     "is not an event's ID",
		"after=18446744073709551616-0": "is not an event's ID",
		"limit=0":                      `limit: "0" is not a whole number from 1`,
		"limit=":                       `limit: "" is not`,
		"limit=1.5":                    `limit: "1.5" is not`,
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := parsePage(values, 10); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v", query, got, err)
		}
	}
}

// Past the year 9999 there are no dates.
func TestTimeOf(t *testing.T) {
	t.Parallel()
	for ms, want := range map[uint64]string{
		0:               "1970-01-01T00:00:00.000Z",
		1700000000123:   "2023-11-14T22:13:20.123Z",
		253402300799999: "9999-12-31T23:59:59.999Z",
		253402300800000: "",
		1<<64 - 1:       "",
	} {
		if got := timeOf(protocol.EntryID{Ms: ms}); got != want {
			t.Errorf("%d: %q", ms, got)
		}
	}
}
