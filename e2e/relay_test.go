package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// chatWords is how many words an answer has.
const chatWords = 300

// startChatApp is an app whose answers are as those of the AI SDK, word by word. Those of a
// chat whose ID begins with endless stop in the middle, and go on for ever.
func startChatApp(t *testing.T, endGateway func()) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /end-gateway", func(http.ResponseWriter, *http.Request) { endGateway() })
	mux.HandleFunc("POST /api/chat", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("x-vercel-ai-ui-message-stream", "v1")
		say := func(chunk string) {
			fmt.Fprintf(w, "data: %s\n\n", chunk)
			_ = http.NewResponseController(w).Flush()
		}
		for _, chunk := range []string{`{"type":"start","messageId":"m-` + asked.ID + `"}`, `{"type":"start-step"}`, `{"type":"text-start","id":"t1"}`} {
			say(chunk)
		}
		for n := range chatWords {
			say(fmt.Sprintf(`{"type":"text-delta","id":"t1","delta":"word%d "}`, n))
			time.Sleep(5 * time.Millisecond) // as a model does
			if strings.HasPrefix(asked.ID, "endless") && n == chatWords/2 {
				<-r.Context().Done()
				return
			}
		}
		for _, chunk := range []string{`{"type":"text-end","id":"t1"}`, `{"type":"finish-step"}`, `{"type":"finish"}`, "[DONE]"} {
			say(chunk)
		}
	})
	app := httptest.NewServer(mux)
	t.Cleanup(app.Close)
	return app
}

// What the AI SDK makes of a relayed answer, on two gateways: an answer that is resumed is
// the same as one that is not, and half of one is an error.
func TestRelayOfAISDK(t *testing.T) {
	t.Parallel()
	dir := installNPM(t)
	server := redistest.Start(t)
	var whole strings.Builder
	for n := range chatWords {
		fmt.Fprintf(&whole, "word%d ", n)
	}
	type result struct {
		Before, Status, Text string
		Messages             int
	}
	for _, test := range []struct {
		name, story string
		end         func(*gatewaytest.Gateway)
		want        result
	}{
		{"undisturbed", "undisturbed", nil, result{Status: "ready", Text: whole.String(), Messages: 2}},
		{"reloaded", "reloaded", nil, result{Status: "ready", Text: whole.String(), Messages: 2}},
		{"nothing", "nothing", nil, result{Status: "ready"}},
		{"stopped", "stopped", nil, result{Status: "error", Messages: 2}},
		{"killed", "lost", (*gatewaytest.Gateway).Kill, result{Before: "error", Status: "error", Messages: 2}},
		{"drained", "lost", func(g *gatewaytest.Gateway) { g.Signal(syscall.SIGTERM) }, result{Before: "error", Status: "error", Messages: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var g *gatewaytest.Gateway
			app := startChatApp(t, func() { test.end(g) })
			site := `http://{$ADDR} {
	sse_subscribe /api/chat/*/stream ` + test.name + `:{path.2} {
		history all
		ends
		gap silent
		stop
	}
	sse_relay /api/chat ` + test.name + `:{sse.request.json.id} {
		resume /api/chat/{sse.request.json.id}/stream
	}
	reverse_proxy ` + app.Listener.Addr().String() + `
}`
			g = gatewaytest.Start(t, gatewaytest.RedisOption(server), site)
			other := gatewaytest.Start(t, gatewaytest.RedisOption(server), site)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, "node", "relay.js", "http://"+g.Addr, "http://"+other.Addr, app.URL, test.story)
			var stderr bytes.Buffer
			cmd.Dir, cmd.Stderr = dir, &stderr
			out, err := cmd.Output()
			var got result
			if err != nil || json.Unmarshal(out, &got) != nil {
				t.Fatalf("%v: %s%s", err, out, stderr.String())
			}
			if test.want.Status == "error" { // what it has of the answer stays
				if n := strings.Count(got.Text, " "); n < 100 || n >= chatWords || !strings.HasPrefix(whole.String(), got.Text) {
					t.Errorf("half of the answer is %q", got.Text)
				}
				got.Text = ""
			}
			if got != test.want {
				t.Errorf("got %+v, not %+v", got, test.want)
			}
		})
	}
}
