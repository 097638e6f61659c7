package admin_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// command runs `caddy sse`, and returns what it prints and how it ends.
func command(t *testing.T, g *gatewaytest.Gateway, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	args = append([]string{"sse"}, args...)
	if g != nil {
		args = append(args, "--address", strings.TrimPrefix(g.Admin, "http://"))
	}
	cmd := exec.Command(gatewaytest.Binary(t), args...)
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	var exit *exec.ExitError
	if failed := cmd.Run(); errors.As(failed, &exit) {
		code = exit.ExitCode()
	} else if failed != nil {
		t.Fatal(failed)
	}
	return out.String(), err.String(), code
}

// tail runs `caddy sse tail` until the test ends, and reads what it prints.
func tail(t *testing.T, g *gatewaytest.Gateway, args ...string) *bufio.Scanner {
	t.Helper()
	cmd := exec.Command(gatewaytest.Binary(t), append([]string{"sse", "tail", "--address", strings.TrimPrefix(g.Admin, "http://")}, args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return bufio.NewScanner(out)
}

// What goes wrong is one sentence, and an exit code that scripts see.
func TestCommandFails(t *testing.T) {
	g, server := start(t)
	for _, test := range []struct {
		args string
		want string
	}{
		{"stats", `no command "stats": did you mean status?`},
		{"nonsense", "it is one of channels, kick, publish, status, subscribers, tail"},
		{"", "needs a command: it is one of channels, "},
		{"subscribers --id x", `id: "x" is not a subscriber's`},
		{"channels nobody", `nobody subscribes to a channel "nobody" here`},
		{"status --address 127.0.0.1:1", "is Caddy running, and does its configuration not say `admin off`? --address names another"},
	} {
		_, stderr, code := command(t, map[bool]*gatewaytest.Gateway{true: nil, false: g}[strings.Contains(test.args, "--address")], strings.Fields(test.args)...)
		if code == 0 || !strings.Contains(stderr, test.want) || strings.Contains(stderr, "{\"error") {
			t.Errorf("%q ends with %d, and says %s", test.args, code, stderr)
		}
	}
	if out, stderr, code := command(t, g, "status"); code != 0 || !regexp.MustCompile(`^version +\S+ +Caddy v2\.\d`).MatchString(out) {
		t.Errorf("status ends with %d: %s%s", code, out, stderr)
	}
	server.Kill()
	redistest.Await(t, "status to fail", func() bool {
		out, stderr, code := command(t, g, "status")
		return code != 0 && strings.Contains(out, "away: ") && strings.Contains(stderr, "redis is away")
	})
}

func TestCommandPrintsJSON(t *testing.T) {
	g, _ := start(t)
	subscribe(t, g, "/member/ann/1")
	for args, want := range map[string]string{
		"status":                       "versions",
		"version":                      "caddy_sse",
		"channels":                     "channels",
		"subscribers --member ann":     "subscribers",
		"publish live:1 hi":            "receivers",
		"kick --member nobody":         "closed",
		"publish kept:1 hello --store": "id",
	} {
		out, stderr, code := command(t, g, append(strings.Fields(args), "--json")...)
		var fields map[string]any
		if err := json.Unmarshal([]byte(out), &fields); err != nil || code != 0 || fields[want] == nil {
			t.Errorf("%s prints %s%s", args, out, stderr)
		}
	}
}

// Who publishes to a channel with history without storing is told that nobody of
// its subscribers got it, here or elsewhere.
func TestPublishWithoutStoreToAHistory(t *testing.T) {
	g, server := start(t)
	subscribe(t, g, "/kept/1")
	server.Do("XADD", "kept:elsewhere", "*", "data", "before")
	for _, channel := range []string{"kept:1", "kept:elsewhere"} {
		if out, _, _ := command(t, g, "publish", channel, "hi"); !strings.Contains(out, "the channel has a history") {
			t.Errorf("publish to %s says %s", channel, out)
		}
	}
	subscribe(t, g, "/live/1")
	if out, _, _ := command(t, g, "publish", "live:1", "hi"); out != "received by 1 gateways\n" {
		t.Errorf("publish says %s", out)
	}
}

// tail gets what a subscriber of the channel gets: no gap at the beginning, the
// entries of a history, and that Redis is away.
func TestTailHearsWhatASubscriberHears(t *testing.T) {
	g, server := start(t)
	server.Do("XADD", "kept:1", "*", "data", "before")
	next := func(lines *bufio.Scanner, prefix string) string {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), "sse.gap") {
				t.Errorf("a gap was told: %s", lines.Text())
			}
			if strings.HasPrefix(lines.Text(), prefix) {
				return lines.Text()
			}
		}
		t.Fatalf("there is no line %s: %v", prefix, lines.Err())
		return ""
	}
	live, kept, asJSON := tail(t, g, "live:1"), tail(t, g, "kept:1"), tail(t, g, "kept:2", "--history", "--json")
	next(live, "id: ")
	next(kept, "id: ")
	redistest.Await(t, "the third", func() bool {
		out, _, _ := command(t, g, "channels", "kept:2")
		return strings.Contains(out, "kept:2")
	})
	server.Do("PUBLISH", "live:1", "published")
	server.Do("XADD", "kept:1", "*", "data", "added")
	server.Do("XADD", "kept:2", "*", "data", "a\nb", "event", "note")
	next(live, "data: published")
	next(kept, "data: added")
	if line := next(asJSON, "{"); !strings.Contains(line, `"event":"note","data":"a\nb"}`) {
		t.Errorf("--json prints %s", line)
	}
	server.Kill()
	next(live, "event: sse.away")
	next(kept, "event: sse.away")
}
