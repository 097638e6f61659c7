package e2e

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// installNPM installs the clients of e2e/npm, and returns the folder.
func installNPM(t *testing.T) string {
	t.Helper()
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("there is no npm")
	}
	dir := t.TempDir()
	for _, name := range []string{"package.json", "package-lock.json", "clients.js"} {
		text, err := os.ReadFile(filepath.Join("npm", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if exec.CommandContext(t.Context(), npm, "ping").Run() != nil {
			t.Skip("npm's registry cannot be reached")
		}
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return dir
}

// Clients of Node, which take no ID that comes without data, miss nothing that was
// published while they were cut off before their first event, if there is a
// greeting to bring them the ID.
func TestNPMClientsCutOffBeforeTheFirstEvent(t *testing.T) {
	t.Parallel()
	dir := installNPM(t)
	server := redistest.Start(t)
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.Addr+"\n\t\tdrain 0\n\t}", `http://{$ADDR} {
	sse_subscribe /events/* {path.1} {
		retry 1s
		greeting
	}
}`)
	for _, name := range []string{"eventsource", "eventsource-client", "event-source-polyfill"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := redistest.StartProxy(t, g.Addr)
			cmd := exec.CommandContext(t.Context(), "node", "clients.js", name, "http://"+proxy.Addr+"/events/"+name)
			var stderr bytes.Buffer
			cmd.Dir, cmd.Stderr = dir, &stderr
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := make(chan string)
			go func() {
				defer close(lines)
				for s := bufio.NewScanner(out); s.Scan(); {
					select {
					case lines <- s.Text():
					case <-t.Context().Done():
						return
					}
				}
			}()
			await := func(want string) {
				t.Helper()
				for { // each connection is greeted
					select {
					case got := <-lines:
						switch got {
						case want:
							return
						case "open":
						default:
							t.Fatalf("got %q, not %q\n%s", got, want, stderr.String())
						}
					case <-time.After(30 * time.Second):
						t.Fatalf("waited in vain for %q\n%s", want, stderr.String())
					}
				}
			}
			await("open")
			proxy.Cut()
			server.Do("PUBLISH", name, "missed")
			await("missed")
			server.Do("PUBLISH", name, "next")
			await("next")
		})
	}
}
