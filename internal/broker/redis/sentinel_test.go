package redisbroker_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A watched is a master, a replica, and three sentinels, with passwords.
type watched struct {
	t         *testing.T
	servers   []*redistest.Server
	sentinels []*exec.Cmd
	addrs     []string
}

const (
	dataPassword     = "of-data"
	sentinelPassword = "of-sentinels"
)

func startWatched(t *testing.T) *watched {
	t.Helper()
	w := &watched{t: t}
	options := []string{"--requirepass", dataPassword, "--masterauth", dataPassword}
	master := redistest.Start(t, options...)
	host, port, _ := net.SplitHostPort(master.Addr)
	w.servers = append(w.servers, master, redistest.Start(t, append(options, "--replicaof", host+" "+port)...))
	w.await("the replica", w.servers[1], func(info string) bool { return strings.Contains(info, "master_link_status:up") })
	for range 3 {
		w.startSentinel(host, port)
	}
	for _, addr := range w.addrs {
		c := sentinelClient(t, addr)
		redistest.Await(t, "the sentinels to know each other", func() bool {
			m, _ := c.Do(t.Context(), "SENTINEL", "MASTER", "mymaster").Slice()
			fields := fmt.Sprint(m)
			return strings.Contains(fields, "num-other-sentinels 2") && strings.Contains(fields, "num-slaves 1")
		})
	}
	return w
}

func (w *watched) startSentinel(host, port string) {
	w.t.Helper()
	addr := redistest.FreeAddr(w.t)
	_, own, _ := net.SplitHostPort(addr)
	file := filepath.Join(w.t.TempDir(), "sentinel.conf") // which it writes to
	config := fmt.Sprintf("bind 127.0.0.1\nport %s\nrequirepass %s\nsentinel monitor mymaster %s %s 2\nsentinel auth-pass mymaster %s\n"+
		"sentinel down-after-milliseconds mymaster 1000\nsentinel failover-timeout mymaster 5000\nsentinel sentinel-pass %s\n",
		own, sentinelPassword, host, port, dataPassword, sentinelPassword)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command("redis-server", file, "--sentinel")
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	w.sentinels, w.addrs = append(w.sentinels, cmd), append(w.addrs, addr)
}

func (w *watched) client(s *redistest.Server) *redis.Client {
	return s.Client(func(o *redis.Options) { o.Password, o.MaxRetries = dataPassword, -1 })
}

func (w *watched) await(what string, s *redistest.Server, holds func(info string) bool) {
	w.t.Helper()
	c := w.client(s)
	redistest.Await(w.t, what, func() bool { return holds(c.Info(w.t.Context(), "replication").Val()) })
}

func sentinelClient(t *testing.T, addr string) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, Password: sentinelPassword, MaxRetries: -1, DisableIdentity: true})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (w *watched) settings() Settings {
	return Settings{
		Sentinel: &Sentinel{Master: "mymaster", Addresses: w.addrs},
		Secrets:  Secrets{Password: dataPassword, SentinelPassword: sentinelPassword},
	}
}

// awaitSwitch returns when a sentinel first says that the other server is the master.
func (w *watched) awaitSwitch(addr string) time.Time {
	w.t.Helper()
	c := sentinelClient(w.t, w.addrs[0])
	redistest.Await(w.t, "the fail-over", func() bool {
		pair, _ := c.Do(w.t.Context(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "mymaster").StringSlice()
		return len(pair) == 2 && net.JoinHostPort(pair[0], pair[1]) == addr
	})
	return time.Now()
}

// publishUntil publishes to the server until the listener has got one.
func (w *watched) publishUntil(s *redistest.Server, l *listener, text string) {
	w.t.Helper()
	c := w.client(s)
	redistest.Await(w.t, "what is published to the new master", func() bool {
		c.Publish(w.t.Context(), "chat", text)
		for _, got := range l.got("chat") {
			if got == text {
				return true
			}
		}
		return false
	})
}

// The gateway goes where the sentinels send it, however the master ends, and never back.
func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(w *watched){
		"planned": func(w *watched) {
			if err := sentinelClient(w.t, w.addrs[1]).Do(w.t.Context(), "SENTINEL", "FAILOVER", "mymaster").Err(); err != nil {
				w.t.Fatal(err)
			}
		},
		"killed": func(w *watched) { w.servers[0].Kill() },
		"frozen": func(w *watched) { w.servers[0].Freeze() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := startWatched(t)
			old, next := w.servers[0], w.servers[1]
			b, l, logs := start(t, w.settings())
			b.Listen("chat")
			awaitHeard(t, l, "chat", 1)
			w.publishUntil(old, l, "before")
			if b.Address() != old.Addr {
				t.Fatalf("it is at %s", b.Address())
			}
			began := time.Now()
			fault(w)
			switched := w.awaitSwitch(next.Addr)
			w.publishUntil(next, l, "after")
			took := time.Since(switched)
			t.Logf("the sentinels took %s, and the gateway %s more", switched.Sub(began), took)
			if took > 4*time.Second { // less than each limit of the finder, and 20 times what is usual
				t.Errorf("it took %s", took)
			}
			if name == "frozen" {
				old.Thaw()
			}
			if b.Address() != next.Addr || logged(logs, "redis' master has moved") != 1 {
				t.Errorf("it is at %s", b.Address())
			}
			if _, err := b.Publish(t.Context(), "chat", "more"); err != nil {
				t.Error(err)
			}
			redistest.Await(t, "what the gateway publishes", func() bool { got := l.got("chat"); return got[len(got)-1] == "more" })
		})
	}
}

// What is wrong with sentinels is said, once, and ends nothing that works.
func TestSentinelsThatAreWrong(t *testing.T) {
	t.Parallel()
	w := startWatched(t)
	stray := redistest.Start(t) // a server that is no Sentinel
	none := redistest.FreeAddr(t)
	for name, test := range map[string]struct {
		change  func(s *Settings)
		problem string // for which it is not up
		warning string // or is, with a doubt
	}{
		"an unknown name":        {func(s *Settings) { s.Sentinel.Master = "other" }, "it does not know a master of this name", ""},
		"no password":            {func(s *Settings) { s.Secrets.SentinelPassword = "" }, "it refuses the username or password", ""},
		"another password":       {func(s *Settings) { s.Secrets.SentinelPassword = "wrong" }, "it refuses the username or password", ""},
		"no password of Redis":   {func(s *Settings) { s.Secrets.Password = "" }, "cannot be used: redis refuses the username or password", ""},
		"nobody there":           {func(s *Settings) { s.Sentinel.Addresses = []string{none} }, "it cannot be reached", ""},
		"no Sentinel":            {func(s *Settings) { s.Sentinel.Addresses = []string{stray.Addr} }, "it is no Sentinel", ""},
		"one that is away":       {func(s *Settings) { s.Sentinel.Addresses = append([]string{none}, w.addrs...) }, "", "1 of 4 sentinels are of no use; of one: it cannot be reached"},
		"the name of the master": {func(*Settings) {}, "", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := w.settings()
			test.change(&s)
			b, _, logs := start(t, s)
			redistest.Await(t, "what is to be said", func() bool {
				h := b.Health()
				if test.problem != "" {
					return !h.Up && strings.Contains(h.Problem, test.problem)
				}
				return h.Up && (test.warning == "none" && h.Warnings == nil || len(h.Warnings) == 1 && h.Warnings[0] == test.warning)
			})
			if test.problem != "" {
				if _, err := b.Publish(t.Context(), "chat", "hi"); err == nil {
					t.Error("publishing works")
				}
			}
			before := logs.Len()
			until := time.Now().Add(1500 * time.Millisecond)
			redistest.Await(t, "time to go by", func() bool { return time.Now().After(until) })
			if after := logs.Len(); after > before+1 {
				t.Errorf("it goes on logging: %v", logs.All())
			}
		})
	}
}

// A sentinel that names a server which is no master is not believed, whatever its epoch.
func TestSentinelThatLies(t *testing.T) {
	t.Parallel()
	w := startWatched(t)
	replicaHost, replicaPort, _ := net.SplitHostPort(w.servers[1].Addr)
	liar := fakeSentinel(t, replicaHost, replicaPort, "999")
	s := w.settings()
	s.Sentinel.Addresses = append([]string{liar}, s.Sentinel.Addresses...)
	b, l, _ := start(t, s)
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	if b.Address() != w.servers[0].Addr {
		t.Errorf("it is at %s", b.Address())
	}
	redistest.Await(t, "a warning", func() bool {
		h := b.Health()
		return h.Up && len(h.Warnings) == 1 && strings.Contains(h.Warnings[0], "it names another master than the others")
	})
	if _, err := b.Publish(t.Context(), "chat", "hi"); broker.CauseOf(err) != broker.CauseNone {
		t.Error(err)
	}
	if l.times("chat") != 1 {
		t.Errorf("it was connected %d times", l.times("chat"))
	}
}

// fakeSentinel answers each question with the same master.
func fakeSentinel(t *testing.T, host, port, epoch string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	bulk := func(texts ...string) string {
		reply := fmt.Sprintf("*%d\r\n", len(texts))
		for _, text := range texts {
			reply += fmt.Sprintf("$%d\r\n%s\r\n", len(text), text)
		}
		return reply
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					var asked string
					n, _ := in.ReadString('\n') // *<number>
					fields, _ := strconv.Atoi(strings.Trim(n, "*\r\n"))
					for range 2 * fields { // none holds a line end
						field, err := in.ReadString('\n')
						if err != nil {
							return
						}
						asked += strings.ToUpper(field)
					}
					switch {
					case fields == 0:
						return
					case strings.Contains(asked, "GET-MASTER-ADDR"):
						fmt.Fprint(c, bulk(host, port))
					case strings.Contains(asked, "MASTER"):
						fmt.Fprint(c, bulk("name", "mymaster", "config-epoch", epoch))
					case strings.Contains(asked, "SUBSCRIBE"): // never answered
					case strings.Contains(asked, "HELLO"):
						fmt.Fprint(c, "-ERR unknown command\r\n")
					default:
						fmt.Fprint(c, "+OK\r\n")
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}
