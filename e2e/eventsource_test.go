package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"golang.org/x/text/encoding/unicode"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// listener is a gateway with a page that keeps what an EventSource gives it.
const listener = `
{
	sse {
		redis redis://REDIS
	}
}
:{$PORT} {
	bind 127.0.0.1
	sse_subscribe /events events
	header Content-Type text/html
	respond / <<HTML
		<!DOCTYPE html>
		<script>
			const heard = [], source = new EventSource("/events");
			source.onmessage = event => heard.push(event.data);
		</script>
		HTML
}
`

// TestEventSource publishes payloads of all kinds, and compares what a browser
// makes of them with what the HTML Standard says it must.
func TestEventSource(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	g := gatewaytest.StartFile(t, "", writeCaddyfile(t, strings.ReplaceAll(listener, "REDIS", redis.Addr)))
	page := openTab(t, "http://"+g.Addr+"/")
	page.await(`source.readyState === EventSource.OPEN`)
	awaitListener(t, redis)

	payloads := append(specialPayloads(), randomPayloads(300)...)
	client := redis.Client()
	for _, payload := range payloads {
		if err := client.Publish(t.Context(), "events", payload).Err(); err != nil {
			t.Fatal(err)
		}
	}
	page.await(fmt.Sprintf(`heard.length >= %d`, len(payloads)))
	heard := eval[[]string](page, `heard`)
	if len(heard) != len(payloads) {
		t.Errorf("%d events, not %d", len(heard), len(payloads))
	}
	for i, payload := range payloads {
		if want := eventData(t, payload); heard[i] != want {
			t.Errorf("payload %.80q is heard as %.80q, not %.80q", payload, heard[i], want)
		}
	}
}

// specialPayloads are those that a gateway might trip over.
func specialPayloads() []string {
	return []string{
		"plain", "CRLF\r\nline", "CR\rline", "LF\nline", "LFCR\n\rlines", "two\n\nline ends", "\r\n\r\n",
		"\nfirst", "last\n", "last\r", "last\r\n", "\n", "\r", "",
		"emoji 👩‍👩‍👧‍👦 🇪🇺 𝄞", "NUL\x00 in it", "\x00", "control \x01\x1b\x7f\u0085\u2028\u2029 characters",
		" one leading space", "  two leading spaces", "\ta tab", " ", "trailing space ",
		": leading colon", ":", "data: data", "event: not a type", "id: 7\nretry: 1\n\nevent: x", "no colon\nid",
		"\ufeffbyte order mark", "\ufffereversed",
		"latin-1 \xe9t\xe9", "cut off \xe2\x82", "cut off \xf0\x9f\x98\nat a line end", "overlong \xc0\xaf \xe0\x80\x80",
		"a surrogate \xed\xa0\x80", "too high \xf4\x90\x80\x80", "\xff\xfe\xfd",
		strings.Repeat("64 KiB! ", 8<<10), strings.Repeat("line\r\n", 64<<10/6), strings.Repeat("\n", 1000),
	}
}

// randomPayloads are put together from pieces that matter to the format.
func randomPayloads(n int) []string {
	pieces := []string{"\r", "\n", "\r\n", " ", ":", "data:", "a", "é", "👋", "\x00", "\ufeff", "\xe2", "\xf0\x9f", "\x80"}
	random := rand.New(rand.NewPCG(1, 2)) // the same each time
	payloads := make([]string, n)
	for i := range payloads {
		for range 1 + random.IntN(12) {
			payloads[i] += pieces[random.IntN(len(pieces))]
		}
	}
	return payloads
}

// eventData is a payload as event.data: its line ends are LF, and what is no
// UTF-8 is U+FFFD for each part that the Encoding Standard decodes at once.
func eventData(t *testing.T, payload string) string {
	data, err := unicode.UTF8.NewDecoder().String(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(payload))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
