package docstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	sse "github.com/caddy-sse/caddy-sse/module"
)

// The unit gives Caddy longer than `drain` to end, and enough files; and systemd takes it.
func TestUnit(t *testing.T) {
	t.Parallel()
	unit := string(read(t, "packaging/deb/caddy.service"))
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\S+)$`).FindStringSubmatch(unit)
	if m == nil {
		t.Fatal("it does not say how long Caddy may take to end")
	}
	if d, err := time.ParseDuration(m[1]); err != nil || d < 2*sse.DefaultDrain {
		t.Errorf("Caddy may take %s to end, %v", m[1], err)
	}
	if !strings.Contains(unit, "\nLimitNOFILE=1048576\n") {
		t.Error("it does not say how many files Caddy may open")
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	program, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "caddy.service")
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(unit, "/usr/bin/caddy", program)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd says %v:\n%s", err, out)
	}
}

// chartCaddyfile is the Caddyfile in the chart's values.
func chartCaddyfile(t *testing.T) string {
	t.Helper()
	_, rest, found := strings.Cut(string(read(t, "packaging/helm/caddy-sse/values.yaml")), "\ncaddyfile: |\n")
	if !found {
		t.Fatal("the chart has no Caddyfile")
	}
	var lines []string
	for line := range strings.SplitSeq(rest, "\n") {
		if line != "" && !strings.HasPrefix(line, "  ") {
			break
		}
		lines = append(lines, strings.TrimPrefix(line, "  "))
	}
	return strings.Join(lines, "\n")
}
