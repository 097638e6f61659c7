package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// runsSite has what docs/ends.md tells each client to have.
const runsSite = `http://{$ADDR} {
	sse_subscribe /pages/* {path.1} {
		history all
		ends
		end_event over
		retry 100ms
	}
	sse_subscribe /fetch/* {path.1} {
		history all
		ends
		none empty
		retry 100ms
	}
	sse_subscribe /ai/* {path.1} {
		history all
		ends
		gap silent
		retry 100ms
	}
	sse_subscribe /said/* {path.1} {
		history all
		ends
		gap silent
		say lost ` + "`" + `{"type":"error","errorText":"The answer was lost"}` + "`" + `
	}
	header Content-Type text/html
	respond / <<HTML
		<!DOCTYPE html>
		<script>
			const heard = [], source = new EventSource("/pages/done");
			source.onmessage = event => heard.push(event.data);
			source.addEventListener("over", event => heard.push("over " + event.data));
		</script>
		HTML
}`

// writeRuns stores a run of an answer, as the AI SDK writes it, for each end.
func writeRuns(server *redistest.Server) {
	chunks := []string{
		`{"type":"start","messageId":"m1"}`, `{"type":"start-step"}`, `{"type":"text-start","id":"t1"}`,
		`{"type":"text-delta","id":"t1","delta":"Hello, "}`, `{"type":"text-delta","id":"t1","delta":"world"}`,
	}
	for _, reason := range []string{"done", "error", "lost"} {
		server.Do("XADD", reason, "*", "event", "sse.start")
		for _, chunk := range chunks {
			server.Do("XADD", reason, "*", "data", chunk)
		}
		if reason == "done" {
			for _, chunk := range []string{`{"type":"text-end","id":"t1"}`, `{"type":"finish-step"}`, `{"type":"finish"}`, "[DONE]"} {
				server.Do("XADD", reason, "*", "data", chunk)
			}
		}
		server.Do("XADD", reason, "*", "event", "sse.end", "reason", reason)
	}
}

// Clients know how a run ended: who comes back by itself is told to stop, and nobody takes
// half an answer for a whole one.
func TestRunsOfClients(t *testing.T) {
	t.Parallel()
	dir := installNPM(t)
	server := redistest.Start(t)
	writeRuns(server)
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), runsSite)

	page := openTab(t, "http://"+g.Addr+"/")
	page.await(`source.readyState === EventSource.CLOSED`)
	if got := eval[[]string](page, `heard`); len(got) != 10 || got[9] != `over {"reason":"done"}` {
		t.Errorf("Chromium's EventSource got %q", got)
	}

	tests := []struct{ client, path, last string }{
		{"eventsource", "/pages/error", `over {"reason":"error"}, closed 204`},
		{"eventsource", "/pages/none", "closed 204"},
		{"fetch-event-source", "/fetch/done", "message [DONE], message , resolved"},
		{"fetch-event-source", "/fetch/lost", "error, rejected"},
		{"fetch-event-source", "/fetch/none", "resolved"},
		{"ai", "/ai/done", "finished well Hello, world, status ready "},
		{"ai", "/ai/lost", "finished with an error Hello, world, status error terminated"},
		{"ai", "/said/lost", "finished with an error Hello, world, status error The answer was lost"},
		{"ai", "/ai/none", "status ready "},
	}
	args := []string{"runs.js", "http://" + g.Addr}
	for _, test := range tests {
		args = append(args, test.client, test.path)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", args...)
	var stderr bytes.Buffer
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(got) != len(tests) {
		t.Fatalf("%v, got %q\n%s", err, got, stderr.String())
	}
	for i, test := range tests {
		var lines []string
		if err := json.Unmarshal([]byte(got[i]), &lines); err != nil || !strings.HasSuffix(strings.Join(lines, ", "), test.last) {
			t.Errorf("%s of %s got %q, %v", test.client, test.path, lines, err)
		}
	}
}
