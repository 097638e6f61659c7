package redisbroker_test

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

	"github.com/caddy-sse/caddy-sse/internal/broker"
	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// listener notes what the broker tells it.
type listener struct {
	mu       sync.Mutex
	deaf     int
	live     map[string]int // how often each channel was said to be heard
	lost     map[string]int // how often it was said not to be
	messages map[string][]string
}

func (*listener) Connected() {}

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

func (l *listener) Unsubscribed(channels []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, channel := range channels {
		l.lost[channel]++
	}
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

func start(t *testing.T, o Settings) (*Broker, *listener, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	log := zap.New(core)
	b := New(o, func() *zap.Logger { return log })
	l := &listener{live: make(map[string]int), lost: make(map[string]int), messages: make(map[string][]string)}
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
	b, l, _ := start(t, Settings{Address: server.Addr})
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
	b, l, _ := start(t, Settings{Network: "unix", Address: server.Socket()})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
}

func TestForgottenChannelIsUnsubscribed(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, Settings{Address: server.Addr})
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
	b, l, _ := start(t, Settings{Address: server.Addr})
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
	b, l, logs := start(t, Settings{Address: server.Addr})
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
	b, l, logs := start(t, Settings{Address: server.Addr})
	b.Listen("chat")
	redistest.Await(t, "a line in the log", func() bool { return logged(logs, "redis is away") == 1 })
	if b.Up() {
		t.Error("up without a server")
	}
	if _, err := b.Publish(t.Context(), "chat", "hi"); err == nil || broker.Denied(err) {
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
	b, l, _ := start(t, Settings{Address: server.Addr})
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
	b, l, logs := start(t, Settings{Address: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	redistest.Await(t, "the first probe", b.Up)
	server.Freeze()
	defer server.Thaw()
	redistest.Await(t, "noticing", func() bool { return !b.Up() })
	redistest.Await(t, "the log", func() bool { return logged(logs, "does not answer") == 1 })
	began := time.Now() // to be tried again would take three times as long
	if _, err := b.Publish(t.Context(), "chat", "hi"); err == nil || time.Since(began) > 8*time.Second {
		t.Errorf("publishing took %s: %v", time.Since(began), err)
	}
	server.Thaw()
	awaitHeard(t, l, "chat", 2)
}

func TestWrongPassword(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--requirepass", "right")
	b, l, logs := start(t, Settings{Address: server.Addr, Secrets: Secrets{Password: "wr0ng-secret"}})
	b.Listen("chat")
	redistest.Await(t, "a plain word", func() bool { return logged(logs, "refuses the username or password") == 1 })
	if _, err := b.Publish(t.Context(), "chat", "hi"); broker.CauseOf(err) != broker.CauseCredentials {
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

func withACL(t *testing.T, rules ...string) (*redistest.Server, Settings) {
	t.Helper()
	server := redistest.Start(t)
	args := []any{"ACL", "SETUSER", "gateway", "on", ">secret", "resetchannels", "+@all"}
	for _, r := range rules {
		args = append(args, r)
	}
	server.Do(args...)
	return server, Settings{Address: server.Addr, Secrets: Secrets{Username: "gateway", Password: "secret"}}
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
	if _, err := b.Publish(t.Context(), "secret:1", "hi"); !broker.Denied(err) {
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
	redistest.Await(t, "noticing", func() bool { return !b.Up() })
}

// Nothing but the SUBSCRIBE of the reader itself may reconnect.
func TestManyChannels(t *testing.T) {
	t.Parallel()
	const n = 50_000
	server := redistest.Start(t)
	b, l, _ := start(t, Settings{Address: server.Addr})
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
	b, l, _ := start(t, Settings{Address: server.Addr, ClientName: "gateway"})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	b.Close()
	redistest.Await(t, "no connection", func() bool {
		return !strings.Contains(server.Do("CLIENT", "LIST").(string), "name=gateway")
	})
	never := New(Settings{Address: server.Addr}, zap.NewNop)
	never.Close()
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	b, l, _ := start(t, Settings{Address: startEmbedded(t)})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	if n, err := b.Publish(t.Context(), "chat", "hi"); err != nil || n != 1 {
		t.Errorf("%d heard it: %v", n, err)
	}
	redistest.Await(t, "the message", func() bool { return len(l.got("chat")) == 1 })
}

func TestDenied(t *testing.T) {
	if broker.Denied(nil) || broker.Denied(errors.New("away")) {
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
	b, _, _ := start(t, Settings{Address: addr})
	redistest.Await(t, "the first try to fail", func() bool { return b.Health().Problem != "" })
	if h := b.Health(); h.Up || h.Connections != 0 || !strings.Contains(h.Problem, "redis sentinel <master>") {
		t.Errorf("it is connected: %+v", h)
	}
}

func TestClientName(t *testing.T) {
	t.Parallel()
	names := func(server *redistest.Server) string {
		return fmt.Sprint(server.Do("CLIENT", "LIST", "TYPE", "pubsub"))
	}

	server := redistest.Start(t)
	start(t, Settings{Address: server.Addr, ClientName: "gateway"})
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
