package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/program"
)

// builds are the examples' apps, each compiled once.
var builds sync.Map

// buildExample compiles an example's app, and returns the path.
func buildExample(t testing.TB, name string) string {
	t.Helper()
	build, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		return program.Build(exampleDir(name), ".")
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// exampleDir is an example's folder.
func exampleDir(name string) string {
	dir, _ := filepath.Abs(filepath.Join("../caddyfile-examples", name)) // the working directory is there
	return dir
}

// An exampleApp is an example's app, running, behind any number of gateways.
type exampleApp struct {
	*process
	t        testing.TB
	name     string
	addr     string
	env      []string // for the gateway, too
	database string   // its file
	flags    []string
}

// startExample runs an example's app, with a fresh database, until the test ends.
func startExample(t testing.TB, name, redisURL string, flags ...string) *exampleApp {
	t.Helper()
	a := &exampleApp{t: t, name: name, flags: flags}
	a.database = filepath.Join(t.TempDir(), name+".db")
	a.process, a.addr = serve(t, func(addr string) *exec.Cmd {
		_, port, _ := net.SplitHostPort(addr)
		a.env = []string{"APP_PORT=" + port, "REDIS_URL=" + redisURL, "DATABASE=" + a.database}
		return a.command()
	})
	return a
}

func (a *exampleApp) command() *exec.Cmd {
	a.t.Helper()
	cmd := exec.Command(buildExample(a.t, a.name), a.flags...)
	cmd.Env = append(os.Environ(), a.env...)
	return cmd
}

// run runs the app after kill, and returns when it listens.
func (a *exampleApp) run() {
	a.t.Helper()
	var err error
	if a.process, err = launch(a.t, a.command(), a.addr); err != nil {
		a.t.Fatal(err)
	}
}

// kill ends the app at once, as a crash does.
func (a *exampleApp) kill() { a.end(os.Kill) }

// gateway runs the example's Caddyfile of that name in front of the app, but for
// what is replaced in it.
func (a *exampleApp) gateway(caddyfile string, replace ...string) *gatewaytest.Gateway {
	a.t.Helper()
	text, err := os.ReadFile(filepath.Join(exampleDir(a.name), caddyfile))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(replace); i += 2 {
		if !strings.Contains(string(text), replace[i]) {
			a.t.Fatalf("the Caddyfile has no %q", replace[i])
		}
	}
	return gatewaytest.StartFile(a.t, exampleDir(a.name), writeCaddyfile(a.t, strings.NewReplacer(replace...).Replace(string(text))), a.env...)
}
