package gateway

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each channel is named once, though only one a minute.
func TestNotUTF8IsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var n notUTF8
		n.init()
		logged := make(map[string]int)
		for range 300 {
			for _, channel := range []string{"a", "b", "c"} {
				if logged[channel] == 0 && n.report(channel, "\xff") {
					logged[channel]++
					<-n.lines
				}
			}
			time.Sleep(time.Second)
		}
		if len(logged) != 3 {
			t.Errorf("logged of %v", logged)
		}
	})
}

func TestCauseOfNotUTF8(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"\xac\xed\x00\x05t\x00\x02hi":                           "Java serialisation",
		"\x00sse1 5-0 0-0 4 9\ndata\xac\xed\x00\x05t\x00\x02hi": "Java serialisation",
		"\x1f\x8b\x08": "gzip",
		"\xe9":         "another encoding",
	} {
		if got := causeOfNotUTF8(text); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %s", text, got)
		}
	}
}
