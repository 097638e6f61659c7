package e2e

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// installNPM installs the clients of e2e/npm, once for all tests, and returns the folder.
func installNPM(t *testing.T) string {
	t.Helper()
	dir, err := npmClients()
	if errors.Is(err, errNoNPM) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

var errNoNPM = errors.New("there is no npm, or its registry cannot be reached")

// removeNPM removes them.
var removeNPM = func() {}

var npmClients = sync.OnceValues(func() (string, error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", errNoNPM
	}
	dir, err := os.MkdirTemp("", "npm")
	if err != nil {
		return "", err
	}
	removeNPM = func() { _ = os.RemoveAll(dir) }
	if err := os.CopyFS(dir, os.DirFS("npm")); err != nil {
		return "", err
	}
	cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		if exec.Command(npm, "ping").Run() != nil {
			return "", errNoNPM
		}
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	return dir, nil
})

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
