// Package gatewaytest runs cmd/caddy as a process for tests, and listens to it
// as a client does.
package gatewaytest

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/freeport"
	"github.com/caddy-sse/caddy-sse/internal/program"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A Gateway is a running Caddy.
type Gateway struct {
	// Addr is the host:port that {$ADDR} stands for in its Caddyfile.
	Addr string
	// Admin is the URL of its admin endpoint.
	Admin string

	t     testing.TB
	race  bool     // it is compiled with the race detector
	file  string   // its Caddyfile
	dir   string   // where it runs
	home  string   // where it keeps what it keeps
	given []string // what the test adds to its environment
	env   []string
	tls   bool
	cmd   *exec.Cmd
	done  chan struct{} // closed when the process has ended
	log   log
}

// builds compile cmd/caddy once a test binary: without the race detector, and
// with it.
var builds = map[bool]func() (string, error){
	false: sync.OnceValues(func() (string, error) { return build(false) }),
	true:  sync.OnceValues(func() (string, error) { return build(true) }),
}

func build(race bool) (string, error) {
	if builtDir != "" {
		path := filepath.Join(builtDir, map[bool]string{false: "caddy", true: "caddy-race"}[race])
		_, err := os.Stat(path) // go test notes it, and runs the test again when there is another
		return path, err
	}
	flags := []string{fmt.Sprint("-race=", race)}
	if coverDir != "" {
		flags = append(flags, "-cover", "-coverpkg=github.com/caddy-sse/caddy-sse/...")
	}
	return program.Ours("./cmd/caddy", flags...)
}

// race is whether gateways have the race detector: where the tests have it, and where
// SSE_RACE is set, for packages whose tests are no more than clients. `make test` sets it.
var race = raceEnabled || os.Getenv("SSE_RACE") != ""

// builtDir is where cmd/caddy is compiled: without the race detector, and as caddy-race
// with it; empty: nowhere. `make test` sets it, since to see in each package that nothing
// is to be compiled takes longer than many tests.
var builtDir = os.Getenv("SSE_BUILT")

// coverDir is where gateways write which code they have run, when they end; empty:
// nowhere. `make cover` sets it.
var coverDir = os.Getenv("SSE_COVERDIR")

// Binary is the path of the compiled cmd/caddy, with the race detector if gateways have
// it.
func Binary(t testing.TB) string {
	t.Helper()
	return binary(t, race)
}

func binary(t testing.TB, race bool) string {
	t.Helper()
	path, err := builds[race]()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Start runs Caddy with these global options and sites, in which {$ADDR} is a
// free host:port, until the test ends. The environment is as Caddy's.
func Start(t testing.TB, global, sites string, env ...string) *Gateway {
	t.Helper()
	return start(t, race, global, sites, env)
}

// StartForMany is Start for thousands of connections, over which the race
// detector would take too long.
func StartForMany(t testing.TB, global, sites string, env ...string) *Gateway {
	t.Helper()
	return start(t, false, global, sites, env)
}

func start(t testing.TB, race bool, global, sites string, env []string) *Gateway {
	t.Helper()
	g := prepare(t, env)
	g.race = race
	g.file = filepath.Join(t.TempDir(), "Caddyfile")
	g.write(global, sites)
	g.start()
	return g
}

// StartFile runs Caddy in dir with a Caddyfile as it stands, in which {$PORT}
// is a free port.
func StartFile(t testing.TB, dir, caddyfile string, env ...string) *Gateway {
	t.Helper()
	g := prepare(t, env)
	g.dir, g.file = dir, caddyfile
	g.start()
	return g
}

func prepare(t testing.TB, env []string) *Gateway {
	t.Helper()
	g := &Gateway{t: t, race: race, home: t.TempDir(), given: env}
	g.claim()
	t.Cleanup(g.end)
	return g
}

// claim gives Caddy addresses that are its own.
func (g *Gateway) claim() {
	g.t.Helper()
	g.Addr = redistest.FreeAddr(g.t)
	admin := redistest.FreeAddr(g.t)
	g.Admin = "http://" + admin
	_, port, _ := net.SplitHostPort(g.Addr)
	g.env = append(os.Environ(), "ADDR="+g.Addr, "PORT="+port, "CADDY_ADMIN="+admin,
		"HOME="+g.home, "XDG_DATA_HOME="+g.home, "XDG_CONFIG_HOME="+g.home)
	g.env = append(g.env, g.given...)
	if coverDir != "" {
		g.env = append(g.env, "GOCOVERDIR="+coverDir)
	}
}

// start runs Caddy for the first time, elsewhere if an address has been taken by
// something that is no test.
func (g *Gateway) start() {
	g.t.Helper()
	if err := freeport.Start(g.run, g.claim); err != nil {
		g.t.Fatal(err)
	}
}

// Run runs Caddy again, after [Gateway.Kill] or [Gateway.Stop].
func (g *Gateway) Run() {
	g.t.Helper()
	if err := freeport.Restart(g.run); err != nil {
		g.t.Fatal(err)
	}
}

// run starts the process, and returns when it serves.
func (g *Gateway) run() error {
	g.t.Helper()
	before := len(g.log.String())
	cmd := exec.Command(binary(g.t, g.race), "run", "--adapter", "caddyfile", "--config", g.file)
	cmd.Dir, cmd.Env = g.dir, g.env
	cmd.Stderr = &g.log
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended is told by its log
	}()
	g.cmd, g.done = cmd, done
	redistest.Await(g.t, "caddy to listen", func() bool {
		// Caddy listens before its TLS app has started, and a handshake then is a
		// data race of its own (v2.11.9). The quickstart's log has only its own end of
		// the start.
		log := g.log.String()[before:]
		hasStarted := strings.Contains(log, "serving initial configuration") || strings.Contains(log, "subscriptions are served")
		return g.hasEnded() || hasStarted && g.isListening()
	})
	if !g.hasEnded() {
		return nil
	}
	if log := g.log.String()[before:]; strings.Contains(log, "address already in use") {
		return fmt.Errorf("caddy at %s and %s: %w:\n%s", g.Addr, g.Admin, freeport.ErrInUse, log)
	}
	return fmt.Errorf("caddy ended:\n%s", g.log.String())
}

// isListening reports whether Caddy takes connections, and over TLS has its
// certificate.
func (g *Gateway) isListening() bool {
	var c net.Conn
	var err error
	if g.tls {
		c, err = tls.Dial("tcp", g.Addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // a test's own certificate
	} else {
		c, err = net.Dial("tcp", g.Addr)
	}
	if err == nil {
		c.Close()
	}
	return err == nil
}

func (g *Gateway) write(global, sites string) {
	g.t.Helper()
	g.tls = strings.Contains(sites, "tls internal")
	config := "{\n\tauto_https disable_redirects\n\tskip_install_trust\n" + global + "\n}\n" + sites + "\n"
	if err := os.WriteFile(g.file, []byte(config), 0o600); err != nil {
		g.t.Fatal(err)
	}
}

func (g *Gateway) hasEnded() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// Reload gives Caddy another configuration, by the request that `caddy reload --force`
// sends, without a process for it.
func (g *Gateway) Reload(global, sites string) {
	g.t.Helper()
	g.write(global, sites)
	config, err := os.ReadFile(g.file)
	if err != nil {
		g.t.Fatal(err)
	}
	r, body := Do(g.t, "POST", g.Admin+"/load", string(config), "Content-Type: text/caddyfile", "Cache-Control: must-revalidate")
	if r.StatusCode != http.StatusOK {
		g.t.Fatalf("a reload: %s\n%s", r.Status, body)
	}
}

// Signal sends the process a signal.
func (g *Gateway) Signal(sig os.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(sig); err != nil {
		g.t.Fatal(err)
	}
}

// Stop sends SIGTERM, and waits for the process to end, as [Gateway.AwaitEnd] does.
func (g *Gateway) Stop() {
	g.t.Helper()
	g.Signal(syscall.SIGTERM)
	g.AwaitEnd()
}

// AwaitEnd waits for the process to end, and fails the test after 20 seconds: QUIC gives
// a client up that has vanished after 30, and Caddy by itself waits for ever.
func (g *Gateway) AwaitEnd() {
	g.t.Helper()
	select {
	case <-g.done:
	case <-time.After(20 * time.Second):
		g.t.Fatalf("caddy does not end:\n%s", g.log.String())
	}
}

// end ends the process when the test is over: at once, unless it has to write what
// it has run.
func (g *Gateway) end() {
	if coverDir != "" && g.cmd != nil && !g.hasEnded() {
		_ = g.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-g.done:
		case <-time.After(20 * time.Second):
		}
	}
	g.Kill()
}

// Kill ends the process at once, as a crash does.
func (g *Gateway) Kill() {
	if g.cmd == nil {
		return
	}
	_ = g.cmd.Process.Kill() // it may have ended
	<-g.done
	for _, sign := range []string{"DATA RACE", "panic:", "http: superfluous"} {
		if strings.Contains(g.log.String(), sign) {
			g.t.Errorf("caddy's log has a %s:\n%s", sign, g.log.String())
		}
	}
}

// PID is the process' ID.
func (g *Gateway) PID() int { return g.cmd.Process.Pid }

// Log is what the process has logged so far.
func (g *Gateway) Log() string { return g.log.String() }

// log is a buffer to be written and read at once.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// has reports whether the text is in it, without a copy, since it may be long.
func (l *log) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Contains(l.b.Bytes(), []byte(text))
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Do sends a request, and returns the status, the header and the body.
func Do(t testing.TB, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	return DoBy(t, http.DefaultClient, method, url, body, header...)
}

// DoBy is Do with a client.
func DoBy(t testing.TB, client *http.Client, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	response := send(ctx, t, client, method, url, body, header)
	defer response.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response, b.String()
}

func send(ctx context.Context, t testing.TB, client *http.Client, method, url, body string, header []string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Add(name, value)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}
