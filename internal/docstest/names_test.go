package docstest

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/presence"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// foreign are names with an underscore that are not ours.
var foreign = []string{
	"basic_auth", "client_ip_headers", "hash_hmac", "copy_headers", "forward_auth", "grace_period", "handle_errors", "private_ranges", "proxy_buffering",
	"proxy_ignore_headers", "proxy_protocol", "proxy_read_timeout", "reverse_proxy", "shutdown_delay",
	"trusted_proxies", "trusted_proxies_strict", "worker_connections",
	"sse_function", // a file, beside sse_publish
}

// fields are names with an underscore in requests, and in what the gateway says.
var fields = []string{
	"silent_gaps",
	"heartbeat_as",
	"last_event_id", "probe_ms", "remote_ip",
	"bad_request", "bad_method", "bad_answer", "too_large", "over_limit", // codes of Sse-Error
}

var (
	code       = regexp.MustCompile("`([^`\n]+)`")
	underscore = regexp.MustCompile(`(?:^|[^.$/\w])([a-z]+(?:_[a-z]+)+)\b`)
)

// Every name with an underscore in the text, outside of longer examples, is a
// directive, a line of one, or known to be somebody else's.
func TestDocsNameWhatThereIs(t *testing.T) {
	t.Parallel()
	known := append(slices.Clone(foreign), fields...)
	for _, block := range blocks {
		known = append(known, knownLines(t, block)...)
	}
	var directives []string
	for _, m := range caddy.GetModules("http.handlers") {
		if name := m.ID.Name(); strings.HasPrefix(name, "sse_") {
			directives = append(directives, name)
		}
	}
	if len(directives) < 5 {
		t.Fatalf("there are only %q", directives)
	}
	for _, page := range docs(t) {
		for _, c := range code.FindAllStringSubmatch(fencedAny.ReplaceAllString(page, ""), -1) {
			for _, n := range underscore.FindAllStringSubmatch(c[1], -1) {
				name := n[1]
				if !strings.HasPrefix(name, "caddy_sse_") && !slices.Contains(known, name) && !slices.Contains(directives, name) {
					t.Errorf("the docs have %q, in `%s`, which does not exist", name, c[1])
				}
			}
		}
	}
	for _, name := range directives {
		if !regexp.MustCompile("(?m)^## `" + name + " ").MatchString(allDocs(t)) {
			t.Errorf("the docs have no section of %s", name)
		}
	}
}

var dotted = regexp.MustCompile(`\bsse\.[a-z_]+`)

// Every event and the like exists, and the other way round.
func TestDocsNameTheEvents(t *testing.T) {
	t.Parallel()
	there := []string{
		protocol.GapType, protocol.BusyType, protocol.OpenType, protocol.AwayType, protocol.BackType, protocol.HeartbeatType, protocol.StartType, protocol.EndType, presence.JoinType, presence.LeaveType, // sent to subscribers
		gateway.EventRedisDown, gateway.EventRedisUp, gateway.EventSubscriberClosed, // told to Caddy
		"sse.channel", "sse.response", "sse.form", "sse.request", "sse.relay", // placeholders, and keys in Redis
		"sse.probe", "sse.presence", // channels and keys in Redis
		"sse.served", // a logger
	}
	documented := dotted.FindAllString(allDocs(t), -1)
	for _, name := range there {
		if !slices.Contains(documented, name) {
			t.Errorf("the docs lack %s", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(there, name) {
			t.Errorf("the docs have %s, which does not exist", name)
		}
	}
}

// Every reason that the gateway gives has a row of its own, and every result one
// in the metric's.
func TestDocsNameTheReasons(t *testing.T) {
	t.Parallel()
	all := allDocs(t)
	var reasons []string
	for _, r := range protocol.Reasons {
		reasons = append(reasons, string(r))
	}
	for _, r := range protocol.BusyReasons {
		reasons = append(reasons, string(r))
	}
	for _, r := range gateway.CloseReasons {
		reasons = append(reasons, string(r))
	}
	for _, reason := range reasons {
		if !regexp.MustCompile("(?m)^\\| (`[a-z_]+`, )*`?" + reason + "`?(, `[a-z_]+`)* \\|").MatchString(all) {
			t.Errorf("the docs lack the reason %s", reason)
		}
	}
	for _, result := range gateway.RelayResults {
		if !regexp.MustCompile("(?m)^\\| `caddy_sse_relay_answers_total.*`" + string(result) + "`").MatchString(all) {
			t.Errorf("the docs lack the result %s", result)
		}
	}
	for _, result := range gateway.PublishResults {
		if !regexp.MustCompile("(?m)^\\| `caddy_sse_publishes_total.*`" + string(result) + "`").MatchString(all) {
			t.Errorf("the docs lack the result %s", result)
		}
	}
}

var metric = regexp.MustCompile(`caddy_sse_[a-z0-9_]+`)

// Every metric that the docs have is one that Caddy shows, and the other way
// round.
func TestDocsNameTheMetrics(t *testing.T) {
	t.Parallel()
	g := gatewaytest.Start(t, "\tsse {\n\t\tdrain 0\n\t\tmetrics {\n\t\t\tper_channel *\n\t\t}\n\t}", "http://{$ADDR} {\n\tsse_subscribe c\n}")
	gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+g.Addr)
	_, shown := gatewaytest.Do(t, "GET", g.Admin+"/metrics", "")
	parts := strings.NewReplacer("_bucket", "", "_sum", "", "_count", "") // of a histogram
	documented, there := metric.FindAllString(allDocs(t), -1), metric.FindAllString(parts.Replace(shown), -1)
	if len(there) == 0 {
		t.Fatal("there are no metrics")
	}
	for _, name := range there {
		if !slices.Contains(documented, name) {
			t.Errorf("the docs lack %s", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(there, name) {
			t.Errorf("the docs have %s, which does not exist", name)
		}
	}
}
