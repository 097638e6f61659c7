package e2e

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A gateway is a Caddy of its own process.
type gateway struct {
	// Addr is the host:port of its sites, which read the port as {$PORT}.
	Addr string

	t   testing.TB
	cmd func() *exec.Cmd
	log safeBuffer

	running *exec.Cmd
	exited  chan error
}

// startGateway runs a Caddyfile in a working directory until the test ends.
func startGateway(t testing.TB, dir, caddyfile string, env ...string) *gateway {
	t.Helper()
	g := &gateway{t: t, Addr: freeAddr(t)}
	home := t.TempDir()
	env = append(append(os.Environ(),
		"PORT="+port(g.Addr),
		"CADDY_ADMIN="+freeAddr(t),
		"XDG_CONFIG_HOME="+home,
		"XDG_DATA_HOME="+home,
	), env...)
	g.cmd = func() *exec.Cmd {
		cmd := exec.Command(caddy, "run", "--adapter", "caddyfile", "--config", caddyfile)
		cmd.Dir, cmd.Env = dir, env
		cmd.Stdout, cmd.Stderr = &g.log, &g.log
		return cmd
	}
	t.Cleanup(func() {
		g.Stop()
		g.checkLog()
	})
	g.Start()
	return g
}

// writeCaddyfile puts a Caddyfile where startGateway can take it from.
func writeCaddyfile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Start runs the process, and returns when all its apps have started.
func (g *gateway) Start() {
	g.t.Helper()
	from := len(g.log.String())
	g.running, g.exited = g.cmd(), make(chan error, 1)
	if err := g.running.Start(); err != nil {
		g.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, exited chan error) { exited <- cmd.Wait() }(g.running, g.exited)
	redistest.Await(g.t, "the gateway", func() bool {
		select {
		case err := <-g.exited:
			g.running = nil
			g.t.Fatal("the gateway ended: ", err)
		default:
		}
		return strings.Contains(g.log.String()[from:], "serving initial configuration")
	})
}

// Stop asks the process to end, which it has to do at once, however many
// subscribers it has.
func (g *gateway) Stop() {
	g.t.Helper()
	if g.running == nil {
		return
	}
	g.signal(syscall.SIGTERM)
	select {
	case err := <-g.exited:
		if err != nil {
			g.t.Error("the gateway ended with: ", err)
		}
		g.running = nil
	case <-time.After(5 * time.Second):
		g.t.Error("the gateway does not end within 5 s of SIGTERM")
		g.Kill()
	}
}

// Kill ends the process as a crash does.
func (g *gateway) Kill() {
	g.t.Helper()
	g.signal(syscall.SIGKILL)
	<-g.exited
	g.running = nil
}

func (g *gateway) signal(s os.Signal) {
	g.t.Helper()
	if err := g.running.Process.Signal(s); err != nil {
		g.t.Error(err)
	}
}

// checkLog finds what a gateway survives, but must not do.
func (g *gateway) checkLog() {
	g.t.Helper()
	log := g.log.String()
	for _, bad := range []string{"DATA RACE", "panic"} {
		if strings.Contains(log, bad) {
			g.t.Errorf("the gateway's log says %q", bad)
		}
	}
	if g.t.Failed() {
		g.t.Log("the gateway's log:\n" + log)
	}
}

// handedOut are the addresses that freeAddr has given. Caddy listens with
// SO_REUSEPORT, so that two on one port would share it in silence.
var handedOut sync.Map

func freeAddr(t testing.TB) string {
	t.Helper()
	for {
		addr := redistest.FreeAddr(t)
		if _, again := handedOut.LoadOrStore(addr, true); !again {
			return addr
		}
	}
}

func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// A safeBuffer is written by a process while a test reads it.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
