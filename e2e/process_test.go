package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A process is a server that a test runs.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   strings.Builder // its standard error, to be read when it has ended
}

// launch starts a server that listens at addr, and returns when it does so. If
// the server ends instead, the error is its log.
func launch(t testing.TB, cmd *exec.Cmd, addr string) (*process, error) {
	t.Helper()
	p := &process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // how it ended is told by its log
	}()
	t.Cleanup(func() {
		p.end(os.Interrupt) // so that nginx' workers end, too
		if t.Failed() {
			t.Logf("the log of %s:\n%s", cmd.Path, p.log.String())
		}
	})
	redistest.Await(t, cmd.Path+" to listen", func() bool { return p.hasEnded() || answers(addr) })
	if p.hasEnded() {
		return nil, fmt.Errorf("%s ended:\n%s", cmd.Path, p.log.String())
	}
	return p, nil
}

// serve launches a server at a free address: another one if the first has been
// taken by something that is no test.
func serve(t testing.TB, command func(addr string) *exec.Cmd) (*process, string) {
	t.Helper()
	for tries := 3; ; tries-- {
		addr := redistest.FreeAddr(t)
		p, err := launch(t, command(addr), addr)
		if err == nil {
			return p, addr
		}
		if tries == 0 || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			t.Fatal(err)
		}
	}
}

// end ends the process, and waits for it.
func (p *process) end(sig os.Signal) {
	_ = p.cmd.Process.Signal(sig) // it may have ended
	<-p.ended
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// answers reports whether something takes connections at addr.
func answers(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err == nil {
		c.Close()
	}
	return err == nil
}

// Something that is no test may take a port between the look and the use.
func TestServeElsewhere(t *testing.T) {
	t.Parallel()
	var tried []string
	_, addr := serve(t, func(addr string) *exec.Cmd {
		tried = append(tried, addr)
		if len(tried) == 1 {
			return exec.Command("sh", "-c", "echo 'bind() failed (98: Address already in use)' >&2; exit 1")
		}
		host, port, _ := net.SplitHostPort(addr)
		return exec.Command("redis-server", "--bind", host, "--port", port, "--save", "")
	})
	if len(tried) != 2 || addr != tried[1] {
		t.Errorf("%s serves, of %q", addr, tried)
	}
}
