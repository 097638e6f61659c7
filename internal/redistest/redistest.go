// Package redistest runs real redis-servers for tests.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/freeport"
)

// A Server is a redis-server of its own on a free port of the loopback.
type Server struct {
	// Addr is its host:port, the same after each [Server.Restart].
	Addr string

	t    testing.TB
	dir  string
	args []string

	conf     string // a file that the server itself rewrites, or empty
	sentinel bool
	bus      string // host:port of the cluster bus, or empty
	password string // with which the test comes

	mu  sync.Mutex
	cmd *exec.Cmd
}

// Start runs a server until the test ends. The arguments are options of
// redis-server, such as "--requirepass", "secret". Without any it keeps
// nothing on disk.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s := Stopped(t, args...)
	s.start()
	return s
}

// start runs the server for the first time, elsewhere if its address has been
// taken by something that is no test.
func (s *Server) start() {
	s.t.Helper()
	if err := freeport.Start(s.run, s.move); err != nil {
		s.t.Fatal(err)
	}
}

// move gives the server other addresses.
func (s *Server) move() {
	s.Addr = FreeAddr(s.t)
	if s.bus != "" {
		s.bus = FreeAddr(s.t)
	}
}

// Stopped reserves an address, where a server runs after [Server.Restart].
func Stopped(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redis-server is not installed: `make tools` installs it")
	}
	s := &Server{t: t, Addr: FreeAddr(t), dir: t.TempDir(), args: args}
	t.Cleanup(s.Kill)
	return s
}

// FreeAddr is a host:port of the loopback that no other test gets: see
// [freeport.Claim].
func FreeAddr(t testing.TB) string {
	t.Helper()
	addr, err := freeport.Claim()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}

// Restart runs the server, after [Server.Kill] if it runs, and returns when it
// takes commands.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := freeport.Restart(s.run); err != nil {
		s.t.Fatal(err)
	}
}

// run starts the process, and returns when it takes commands.
func (s *Server) run() error {
	cmd := exec.Command("redis-server", s.arguments()...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	s.mu.Lock()
	s.cmd = cmd
	s.mu.Unlock()

	ready, ended := make(chan struct{}), make(chan struct{})
	var log strings.Builder // to be read when it has ended
	go func() {
		defer close(ended)
		beReady := sync.OnceFunc(func() { close(ready) })
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			line := strings.ToLower(lines.Text())
			if strings.Contains(line, "ready to accept connections") || strings.Contains(line, "sentinel id is") {
				beReady()
			}
			if log.Len() < 1<<16 {
				log.WriteString(lines.Text() + "\n")
			}
		}
	}()
	select {
	case <-ready:
		return nil
	case <-ended:
	case <-time.After(20 * time.Second):
		return errors.New("redis-server does not get ready")
	}
	s.Kill()
	if strings.Contains(log.String(), "Address already in use") {
		return fmt.Errorf("redis-server at %s: %w", s.Addr, freeport.ErrInUse)
	}
	return fmt.Errorf("redis-server ended:\n%s", log.String())
}

// arguments are those of the command line.
func (s *Server) arguments() []string {
	var args []string
	if s.conf != "" {
		args = append(args, s.conf)
	}
	if s.sentinel {
		args = append(args, "--sentinel")
	}
	host, port, _ := net.SplitHostPort(s.Addr)
	args = append(args, "--bind", host, "--port", port, "--dir", s.dir)
	if s.bus != "" {
		_, bus, _ := net.SplitHostPort(s.bus)
		args = append(args, "--cluster-port", bus)
	}
	if !s.sentinel {
		args = append(args, "--save", "", "--unixsocket", s.Socket())
	}
	return append(args, s.args...)
}

// Socket is the path of the server's Unix socket.
func (s *Server) Socket() string { return filepath.Join(s.dir, "redis.sock") }

// Kill ends the server at once, as a crash does.
func (s *Server) Kill() {
	s.mu.Lock()
	cmd := s.cmd
	s.cmd = nil
	s.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()         // a killed process is no error
	}
}

func (s *Server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd != nil
}

// Client is a client of the server, closed when the test ends.
func (s *Server) Client(options ...func(*redis.Options)) *redis.Client {
	o := &redis.Options{Addr: s.Addr, Password: s.password, Protocol: 2}
	for _, option := range options {
		option(o)
	}
	c := redis.NewClient(o)
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// Do sends one command, which has to succeed.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	reply, err := s.ask(20*time.Second, args)
	if err != nil {
		s.t.Fatalf("redis %v: %v", args, err)
	}
	return reply
}

// Try sends one command and returns what the server says, for which it waits a
// second at most: it may be dead or frozen.
func (s *Server) Try(args ...any) (any, error) { return s.ask(time.Second, args) }

func (s *Server) ask(timeout time.Duration, args []any) (any, error) {
	if !s.running() {
		return nil, errors.New("the server does not run")
	}
	c := s.connect(timeout)
	defer c.Close()
	return c.Do(context.Background(), args...).Result()
}

// connect makes a client that tries nothing again, and waits so long for the server.
func (s *Server) connect(patience time.Duration) *redis.Client {
	return redis.NewClient(&redis.Options{
		Addr: s.Addr, Password: s.password, Protocol: 2, MaxRetries: -1, DialerRetries: 1,
		DialTimeout: patience, ReadTimeout: patience,
	})
}

// Add adds an entry with that ID and one field, data, to a Redis stream.
func (s *Server) Add(channel, id, data string) { s.Do("XADD", channel, id, "data", data) }

// Listeners is how many connections hear the channel.
func (s *Server) Listeners(channel string) int64 {
	s.t.Helper()
	reply := s.Do("PUBSUB", "NUMSUB", channel).([]any)
	return reply[1].(int64)
}

// Channels is how many channels of that pattern are heard by anyone.
func (s *Server) Channels(pattern string) int {
	s.t.Helper()
	return len(s.Do("PUBSUB", "CHANNELS", pattern).([]any))
}

// Await waits until the condition holds, and fails the test after 30 seconds. They are
// those of its own pauses: on a machine that has so much to do that they last longer,
// as what is awaited does, and that looking takes long, it waits for longer.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	pause, waited := time.Millisecond, time.Duration(0)
	for ; !holds(); pause = min(2*pause, 50*time.Millisecond) {
		if waited > 30*time.Second {
			t.Fatal("waited in vain for " + what)
		}
		time.Sleep(pause)
		waited += pause
	}
}

// URL is the server's address as a URL, with credentials as they stand before
// the @ of one.
func (s *Server) URL(credentials string) string {
	if credentials != "" {
		credentials += "@"
	}
	return fmt.Sprintf("redis://%s%s/0", credentials, s.Addr)
}
