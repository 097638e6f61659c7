package bus_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	. "github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// listener notes what the bus tells it.
type listener struct {
	mu       sync.Mutex
	deaf     int
	live     map[string]int // how often each channel was said to be heard
	messages map[string][]string
}

func (l *listener) Subscribed(channel string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.live[channel]++
}

func (l *listener) Message(channel, payload string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages[channel] = append(l.messages[channel], payload)
}

func (l *listener) Disconnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deaf++
}

// times is how often the channel was said to be heard.
func (l *listener) times(channel string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live[channel]
}

func (l *listener) heard() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.live)
}

func (l *listener) got(channel string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.messages[channel])
}

func (l *listener) wasDeaf() bool { return l.deafTimes() > 0 }

func (l *listener) deafTimes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deaf
}

func start(t *testing.T, o *redis.Options) (*Bus, *listener, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	log := zap.New(core)
	b := New(o, func() *zap.Logger { return log })
	l := &listener{live: make(map[string]int), messages: make(map[string][]string)}
	b.Start(l)
	t.Cleanup(b.Close)
	return b, l, logs
}

func awaitHeard(t *testing.T, l *listener, channel string, times int) {
	t.Helper()
	redistest.Await(t, "listening to "+channel, func() bool { return l.times(channel) >= times })
}

func logged(logs *observer.ObservedLogs, text string) int {
	return logs.Filter(func(e observer.LoggedEntry) bool { return strings.Contains(e.Message, text) }).Len()
}

func TestMessagesArriveInOrder(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint("message ", i, "\x00\xff"))
		if n, err := b.Publish(t.Context(), "chat", want[i]); err != nil || n != 1 {
			t.Fatalf("%d heard it: %v", n, err)
		}
	}
	redistest.Await(t, "the messages", func() bool { return len(l.got("chat")) == len(want) })
	if got := l.got("chat"); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Network: "unix", Addr: server.Socket()})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
}

func TestForgottenChannelIsUnsubscribed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	b.Forget("chat")
	redistest.Await(t, "the end of the subscription", func() bool { return server.Listeners("chat") == 0 })
	b.Listen("chat")
	awaitHeard(t, l, "chat", 2)
	if n := server.Listeners("chat"); n != 1 {
		t.Errorf("%d connections listen", n)
	}
}

// Anyone who listens again is told again, however the commands overtake.
func TestFlapping(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr})
	for range 2000 {
		b.Listen("chat")
		b.Forget("chat")
	}
	before := l.times("chat")
	b.Listen("chat")
	awaitHeard(t, l, "chat", before+1)
	redistest.Await(t, "one subscription", func() bool { return server.Listeners("chat") == 1 })
	b.Forget("chat")
	redistest.Await(t, "no subscription", func() bool { return server.Listeners("chat") == 0 })
}

func TestKilledConnection(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, logs := start(t, &redis.Options{Addr: server.Addr})
	for i := range 2500 {
		b.Listen(fmt.Sprint("chat:", i))
	}
	redistest.Await(t, "2500 channels", func() bool { return l.heard() == 2500 })
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	for i := range 2500 {
		awaitHeard(t, l, fmt.Sprint("chat:", i), 2)
	}
	if !l.wasDeaf() {
		t.Error("the listener was not told that it had missed something")
	}
	if n := server.Channels("chat:*"); n != 2500 {
		t.Errorf("%d channels are subscribed", n)
	}
	if n := logged(logs, "redis is away"); n != 1 {
		t.Errorf("the log says it %d times", n)
	}
}

func TestRedisAwayAtTheStart(t *testing.T) {
	t.Parallel()
	server := redistest.Stopped(t)
	b, l, logs := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	redistest.Await(t, "a line in the log", func() bool { return logged(logs, "redis is away") == 1 })
	if b.Up() {
		t.Error("up without a server")
	}
	if _, err := b.Publish(t.Context(), "chat", "hi"); err == nil || Denied(err) {
		t.Errorf("publishing without a server: %v", err)
	}
	server.Restart()
	awaitHeard(t, l, "chat", 1)
	if n := logged(logs, "redis is away"); n != 1 {
		t.Errorf("the log says it %d times", n)
	}
}

func TestRestartedServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	redistest.Await(t, "the first probe", b.Up)
	server.Kill()
	redistest.Await(t, "noticing", func() bool { return !b.Up() })
	server.Restart()
	awaitHeard(t, l, "chat", 2)
	if _, err := b.Publish(t.Context(), "chat", "hi"); err != nil {
		t.Error(err)
	}
	redistest.Await(t, "the message", func() bool { return len(l.got("chat")) == 1 })
}

func TestFrozenServerIsNoticed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, logs := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	redistest.Await(t, "the first probe", b.Up)
	server.Freeze()
	defer server.Thaw()
	began := time.Now()
	redistest.Await(t, "noticing", func() bool { return !b.Up() })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	redistest.Await(t, "the log", func() bool { return logged(logs, "does not answer") == 1 })
	began = time.Now()
	if _, err := b.Publish(t.Context(), "chat", "hi"); err == nil || time.Since(began) > 4*time.Second {
		t.Errorf("publishing took %s: %v", time.Since(began), err)
	}
	server.Thaw()
	awaitHeard(t, l, "chat", 2)
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "right")
	b, l, logs := start(t, &redis.Options{Addr: server.Addr, Password: "wr0ng-secret"})
	b.Listen("chat")
	redistest.Await(t, "a plain word", func() bool { return logged(logs, "refuses the username or password") == 1 })
	if _, err := b.Publish(t.Context(), "chat", "hi"); CauseOf(err) != CauseCredentials {
		t.Errorf("publishing: %v", err)
	}
	for _, e := range logs.All() {
		if strings.Contains(fmt.Sprint(e.Message, e.ContextMap()), "wr0ng-secret") {
			t.Error("the log holds the password")
		}
	}
	admin := server.Client(func(o *redis.Options) { o.Password = "right" })
	if err := admin.ConfigSet(t.Context(), "requirepass", "wr0ng-secret").Err(); err != nil {
		t.Fatal(err)
	}
	awaitHeard(t, l, "chat", 1)
}

func withACL(t *testing.T, rules ...string) (*redistest.Server, *redis.Options) {
	t.Helper()
	server := redistest.Start(t)
	args := []any{"ACL", "SETUSER", "gateway", "on", ">secret", "resetchannels", "+@all"}
	for _, r := range rules {
		args = append(args, r)
	}
	server.Do(args...)
	return server, &redis.Options{Addr: server.Addr, Username: "gateway", Password: "secret"}
}

func TestDeniedChannelsLeaveOthersAlone(t *testing.T) {
	t.Parallel()
	server, options := withACL(t, "&chat:*", "&sse.probe.*")
	b, l, logs := start(t, options)
	for i := range 300 {
		b.Listen(fmt.Sprint("chat:", i))
		if i%100 == 50 {
			b.Listen(fmt.Sprint("secret:", i))
		}
	}
	redistest.Await(t, "the channels that are allowed", func() bool { return l.heard() == 300 })
	if n := logged(logs, "redis denies this user a channel"); n != 1 {
		t.Errorf("the log says it %d times", n)
	}
	if n := server.Channels("secret:*"); n != 0 {
		t.Errorf("%d denied channels are subscribed", n)
	}
	// Also after a reconnect, which subscribes to all of them at once.
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	for i := range 300 {
		awaitHeard(t, l, fmt.Sprint("chat:", i), 2)
	}
	if _, err := b.Publish(t.Context(), "secret:1", "hi"); !Denied(err) {
		t.Errorf("publishing: %v", err)
	}
}

func TestDeniedProbeFallsBackToPing(t *testing.T) {
	t.Parallel()
	server, options := withACL(t, "&chat:*")
	b, l, logs := start(t, options)
	b.Listen("chat:1")
	awaitHeard(t, l, "chat:1", 1)
	redistest.Await(t, "a warning", func() bool { return logged(logs, "denies this user the probe") == 1 })
	redistest.Await(t, "the first probe", b.Up)
	server.Freeze()
	defer server.Thaw()
	began := time.Now()
	redistest.Await(t, "noticing", func() bool { return !b.Up() })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// Nothing but the SUBSCRIBE of the reader itself may reconnect.
func TestManyChannels(t *testing.T) {
	t.Parallel()
	const n = 50_000
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	began := time.Now()
	for i := range n {
		b.Listen(fmt.Sprint("user:", i))
		if i == n/2 {
			if _, err := b.Publish(t.Context(), "chat", "meanwhile"); err != nil {
				t.Error(err)
			}
		}
	}
	redistest.Await(t, "50,000 channels", func() bool { return l.heard() == n+1 })
	t.Log("50,000 channels took", time.Since(began))
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if got := l.got("chat"); len(got) != 1 {
		t.Errorf("got %q meanwhile", got)
	}
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	redistest.Await(t, "50,000 channels again", func() bool { return server.Channels("user:*") == n })
	for i := range n {
		b.Forget(fmt.Sprint("user:", i))
	}
	redistest.Await(t, "none", func() bool { return server.Channels("user:*") == 0 })
}

func TestClose(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr, ClientName: "gateway"})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	b.Close()
	redistest.Await(t, "no connection", func() bool {
		return !strings.Contains(server.Do("CLIENT", "LIST").(string), "name=gateway")
	})
	never := New(&redis.Options{Addr: server.Addr}, zap.NewNop)
	never.Close()
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:6379", ":6379", "192.168.1.7:6379", "example.com:6379", "127.0.0.1"} {
		if err := CheckEmbedded(addr); err == nil {
			t.Errorf("%s is taken", addr)
		}
	}
	addr := redistest.FreeAddr(t)
	server, err := StartEmbedded(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if _, err := StartEmbedded(addr); err == nil || !strings.Contains(err.Error(), "is a Redis running there already?") {
		t.Errorf("a second server there: %v", err)
	}
	b, l, _ := start(t, &redis.Options{Addr: addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	if n, err := b.Publish(t.Context(), "chat", "hi"); err != nil || n != 1 {
		t.Errorf("%d heard it: %v", n, err)
	}
	redistest.Await(t, "the message", func() bool { return len(l.got("chat")) == 1 })
}

func TestDenied(t *testing.T) {
	if Denied(nil) || Denied(errors.New("away")) {
		t.Error("denied without Redis saying so")
	}
}

// A Sentinel takes SUBSCRIBE, and no PUBLISH: that is no connection.
func TestSentinelIsNotRedis(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sentinel.conf") // which it writes to
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	addr := redistest.FreeAddr(t)
	host, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-server", file, "--sentinel", "--bind", host, "--port", port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	redistest.Await(t, "the sentinel to listen", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	b, _, _ := start(t, &redis.Options{Addr: addr})
	redistest.Await(t, "the first try to fail", func() bool { return b.Health().Problem != "" })
	if h := b.Health(); h.Up || h.Connections != 0 {
		t.Errorf("it is connected: %+v", h)
	}
}

func TestClientName(t *testing.T) {
	t.Parallel()
	names := func(server *redistest.Server) string {
		return fmt.Sprint(server.Do("CLIENT", "LIST", "TYPE", "pubsub"))
	}

	server := redistest.Start(t)
	start(t, &redis.Options{Addr: server.Addr, ClientName: "gateway"})
	redistest.Await(t, "a name", func() bool { return strings.Contains(names(server), "name=gateway ") })

	// Where the user may not name connections, they have no name, and work.
	server, options := withACL(t, "&*", "-client|setname")
	options.ClientName = "gateway"
	b, l, _ := start(t, options)
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	if list := names(server); strings.Contains(list, "name=gateway ") {
		t.Errorf("Redis named a connection: %s", list)
	}
}
