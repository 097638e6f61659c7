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
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// builds are the examples' apps, each compiled once.
var builds sync.Map

// buildExample compiles an example's app, and returns the path.
func buildExample(t testing.TB, name string) string {
	t.Helper()
	build, _ := builds.LoadOrStore(name, sync.OnceValues(func() (string, error) {
		dir, err := os.MkdirTemp("", "caddy-sse-"+name)
		if err != nil {
			return "", err
		}
		path := filepath.Join(dir, name)
		cmd := exec.Command("go", "build", "-o", path, ".")
		cmd.Dir = exampleDir(name)
		out, err := cmd.CombinedOutput()
		return path + string(out), err
	}))
	path, err := build.(func() (string, error))()
	if err != nil {
		t.Fatalf("building %s: %v: %s", name, err, path)
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
	t     testing.TB
	name  string
	addr  string
	env   []string // for the gateway, too
	flags []string
	log   strings.Builder
	cmd   *exec.Cmd
}

// startExample runs an example's app, with a fresh database, until the test ends.
func startExample(t testing.TB, name, redisURL string, flags ...string) *exampleApp {
	t.Helper()
	a := &exampleApp{t: t, name: name, addr: redistest.FreeAddr(t), flags: flags}
	_, port, _ := net.SplitHostPort(a.addr)
	a.env = []string{"APP_PORT=" + port, "REDIS_URL=" + redisURL, "DATABASE=" + filepath.Join(t.TempDir(), name+".db")}
	t.Cleanup(func() {
		a.kill()
		if t.Failed() {
			t.Log("the app's log:\n" + a.log.String())
		}
	})
	a.run()
	return a
}

// run runs the app, also after kill, and returns when it listens.
func (a *exampleApp) run() {
	a.t.Helper()
	a.cmd = exec.Command(buildExample(a.t, a.name), a.flags...)
	a.cmd.Env, a.cmd.Stderr = append(os.Environ(), a.env...), &a.log
	if err := a.cmd.Start(); err != nil {
		a.t.Fatal(err)
	}
	redistest.Await(a.t, "the app to listen", func() bool {
		c, err := net.Dial("tcp", a.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
}

// kill ends the app at once, as a crash does.
func (a *exampleApp) kill() {
	if a.cmd != nil && a.cmd.Process != nil {
		_ = a.cmd.Process.Kill() // it may have ended
		_ = a.cmd.Wait()         // a killed process is no error
	}
}

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
