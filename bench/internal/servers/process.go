//go:build linux

package servers

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"sync"
	"time"
)

const startTimeout = 30 * time.Second

// A process is one that was started here.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	log  tail
}

// start runs a command until the context is done or it is stopped. Its standard
// output is part of its log, unless it is read.
func start(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{})}
	cmd.Stderr = &p.log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // how it ended is told by its log
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process at once.
func (p *process) stop() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// await waits until there is no error left.
func (p *process) await(ctx context.Context, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s has ended:\n%s", p.cmd.Path, p.log.String())
		case <-ctx.Done():
			p.stop()
			return fmt.Errorf("%s does not get ready: %w\n%s", p.cmd.Path, err, p.log.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// probe reports what keeps anything from being at the address.
func probe(address string) error {
	c, err := net.Dial("tcp", address)
	if err == nil {
		c.Close()
	}
	return err
}

// A tail is the end of what was written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailLen = 16 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-tailLen):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}
