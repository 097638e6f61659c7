package subscribe

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// The header comes before the URL, and in the URL the first name that has a value.
func TestLastEventID(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", eventstream.MaxID)
	for _, test := range []struct{ header, query, want string }{
		{"", "", ""},
		{"1-0", "", "1-0"},
		{"1-0", "lastEventId=2-0", "1-0"},
		{"", "lastEventId=2-0", "2-0"},
		{"", "lastEventID=3-0&last_event_id=4-0", "3-0"},
		{"", "Last-Event-ID=5-0&last_event_id=4-0", "4-0"},
		{"", "lastEventId=&Last-Event-ID=5-0", "5-0"},
		{"", "lasteventid=6-0", ""},
		{"", "lastEventId=a%26b%20c", "a&b c"},
		{long + "y", "", long},
	} {
		r := httptest.NewRequest("GET", "/?"+test.query, nil)
		if test.header != "" {
			r.Header.Set("Last-Event-ID", test.header)
		}
		if got := lastEventID(r); got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}
