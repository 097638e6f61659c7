package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Several transfers of curl share a connection: subscriptions, another request and an
// upload. The subscriptions go on while the connection is parked, and over a reload, until
// curl's own time for one is over. In the clear curl has one transfer: curl 7.88 fails with
// several at once, whatever serves them.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("SKIPPED: there is no curl. Debian has it in curl")
	}
	for _, isClear := range []bool{false, true} {
		t.Run(map[bool]string{false: "TLS", true: "in the clear"}[isClear], func(t *testing.T) {
			t.Parallel()
			subscriptions := 3
			if isClear {
				subscriptions = 1
			}
			s := start(t, isClear)
			dir := t.TempDir()
			upload := filepath.Join(dir, "upload")
			if err := os.WriteFile(upload, make([]byte, 1<<20), 0o600); err != nil {
				t.Fatal(err)
			}
			common := []string{"-s", "-S", "-k", "-N", "--http2"}
			if isClear {
				common[4] = "--http2-prior-knowledge"
			}
			into := func(name string) string { return filepath.Join(dir, name) }
			got := func(name string) string {
				text, _ := os.ReadFile(into(name)) // there may be none yet
				return string(text)
			}
			args := append([]string{"-Z"}, common...)
			for i := range subscriptions {
				args = append(args, fmt.Sprint(s.url, "/events/", i), "-o", into(fmt.Sprint(i)))
			}
			if !isClear {
				args = append(args, s.url+"/rest", "-o", into("rest"))
				args = append(append(args, "--next"), common...)
				args = append(args, "-T", upload, s.url+"/upload", "-o", into("sent"))
			}
			var says text
			cmd := exec.CommandContext(t.Context(), "curl", args...)
			cmd.Stderr = &says
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			await := func(what, name string) {
				t.Helper()
				redistest.Await(t, what+" in "+name, func() bool { return strings.Contains(got(name), what) })
			}
			if !isClear {
				await("over HTTP/2.0", "rest")
				await("1048576", "sent")
			}
			s.awaitSubscribers(subscriptions)
			s.awaitParked()
			all := func(event string) {
				t.Helper()
				s.redis.Do("PUBLISH", "events", event)
				for i := range subscriptions {
					await("data: "+event+"\n", fmt.Sprint(i))
				}
			}
			all("one")
			s.reload()
			all("two")
			s.awaitSubscribers(subscriptions)
			_ = cmd.Process.Kill() // it may have ended, which has been found
			_ = cmd.Wait()
			s.awaitSubscribers(0)

			// It comes back, for what it has missed.
			s.redis.Do("PUBLISH", "events", "missed")
			_, last, _ := strings.Cut(got("0")[strings.LastIndex(got("0"), "id: "):], "id: ")
			last, _, _ = strings.Cut(last, "\n")
			one := append(common, "-m", "3", "-H", "Last-Event-ID: "+last, s.url+"/events/0", "-o", into("back")) //nolint:gocritic // common is not used after it
			if err := exec.CommandContext(t.Context(), "curl", one...).Run(); err == nil {
				t.Error("the subscription ends before curl's time is over")
			}
			if back := got("back"); !strings.Contains(back, "data: missed\n") || strings.Contains(back, "data: two\n") {
				t.Errorf("after %q it gets %q", last, back)
			}
		})
	}
}
