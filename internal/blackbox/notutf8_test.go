package blackbox_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// What is not UTF-8 is delivered as it is, counted, and said once of a channel, with
// what it most likely comes from.
func TestNotUTF8(t *testing.T) {
	const java = "\xac\xed\x00\x05t\x00\x05hello"
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	live := gatewaytest.ComeBack(t, g, "/live/java", "")
	live.Await("id: ")
	server.Do("PUBLISH", "java", "père 🦆")
	for i := range 3 {
		server.Do("PUBLISH", "java", fmt.Sprint(java, i))
		live.Await(fmt.Sprint("data: ", java, i, "\n\n"))
	}
	g.AwaitMetric("not_utf8_total", 3)
	redistest.Await(t, "a line in the log", func() bool { return strings.Contains(g.Log(), "Java serialisation") })

	// In an entry any field counts, heard or read.
	server.Add("kept", "1-0", "caf\xe9")
	kept := gatewaytest.ComeBack(t, g, "/h/kept", "0-0")
	kept.Await("data: caf\xe9\n\n")
	server.Do("XADD", "kept", "2-0", "data", "fine", "\xac\xed\x00\x05t\x00\x04user", "Ann")
	kept.Await("data: fine\n\n")
	g.AwaitMetric("not_utf8_total", 5)

	for i := range 100 { // of channels that clients choose
		many := gatewaytest.ComeBack(t, g, fmt.Sprint("/live/", i), "")
		many.Await("id: ")
		server.Do("PUBLISH", fmt.Sprint(i), "\xff")
		many.Await("data: \xff\n\n")
		many.Leave()
	}
	g.AwaitMetric("not_utf8_total", 105)
	if log := g.Log(); strings.Count(log, "is not UTF-8") != 1 ||
		!strings.Contains(log, `"channel": "java", "begins_with": "AC ED 00 05 74 00 05 68", "cause": "Java serialisation: `) &&
			!strings.Contains(log, `"channel":"java","begins_with":"AC ED 00 05 74 00 05 68","cause":"Java serialisation: `) {
		t.Errorf("the log has %s", log)
	}
}
