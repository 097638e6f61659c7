package blackbox_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const notComing = "keyspace notifications do not come"

// soon is much longer than an entry takes that is told of, and much shorter than until
// each Redis stream is read, whatever happens.
const soon = 5 * time.Second

// Where keyspace notifications end, no matter who has ended them and whether Redis says
// so or not, entries come by another way; and they are used again when they come.
func TestNotificationsEnd(t *testing.T) {
	for name, test := range map[string]struct {
		option string // of redis
		acl    string // besides all
		ends   func(*redistest.Server)
		isSet  bool // by the gateway, again
	}{
		"turned off": {ends: func(s *redistest.Server) { s.Do("CONFIG", "SET", "notify-keyspace-events", "Ex") }},
		"turned off where the gateway turns them on": {
			option: "keyspace_notifications", isSet: true,
			ends: func(s *redistest.Server) { s.Do("CONFIG", "SET", "notify-keyspace-events", "Ex") },
		},
		"turned off by a service that says nothing": {
			option: "keyspace_notifications", acl: "-config",
			ends: func(s *redistest.Server) { s.Do("CONFIG", "SET", "notify-keyspace-events", "") },
		},
		"turned off, and the gateway may not write": {
			acl:  "-xadd",
			ends: func(s *redistest.Server) { s.Do("CONFIG", "SET", "notify-keyspace-events", "Kg") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--notify-keyspace-events", "Ktgx")
			command := []any{"ACL", "SETUSER", "gateway", "on", ">secret", "allkeys", "allchannels", "+@all"}
			for _, rule := range strings.Fields(test.acl) {
				command = append(command, rule)
			}
			server.Do(command...)
			g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("gateway:secret")+" {\n\t\t\t"+test.option+"\n\t\t}\n\t\tdrain 0\n\t}", refusedSite)
			s := gatewaytest.ComeBack(t, g, "/h/chat", "")
			s.Await("id: 0-0\n\n")
			n := 0
			say := func() time.Duration {
				t.Helper()
				n++
				began := time.Now()
				server.Do("XADD", "chat", "*", "data", n)
				s.Await(fmt.Sprintf("data: %d\n\n", n))
				return time.Since(began)
			}
			if took := say(); took > soon {
				t.Errorf("with notifications an entry took %s", took)
			}
			waits := func() bool { return strings.Contains(server.Do("CLIENT", "LIST").(string), " flags=b ") }
			redistest.Await(t, "the channel of notifications", func() bool { return server.Listeners("__keyspace@0__:chat") == 1 })

			test.ends(server)
			first := say()
			t.Logf("the first entry without notifications took %s", first)
			if first > 3*soon {
				t.Errorf("the first entry without notifications took %s", first)
			}
			if test.isSet {
				redistest.Await(t, "the notifications", func() bool {
					return strings.Contains(fmt.Sprint(server.Do("CONFIG", "GET", "notify-keyspace-events")), "t")
				})
				if took := say(); took > soon || strings.Contains(g.Log(), notComing) {
					t.Errorf("an entry took %s", took)
				}
				return
			}
			redistest.Await(t, "a look at the Redis streams", waits)
			for range 3 {
				if took := say(); took > soon {
					t.Errorf("an entry took %s", took)
				}
			}
			r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health", "")
			if r.StatusCode != 200 || !strings.Contains(body, `"warnings":["`+notComing) {
				t.Errorf("the health is %s %s", r.Status, body)
			}

			server.Do("CONFIG", "SET", "notify-keyspace-events", "Kt")
			redistest.Await(t, "the notifications", func() bool { return server.Listeners("__keyspace@0__:chat") == 1 && !waits() })
			if took := say(); took > soon {
				t.Errorf("with notifications again an entry took %s", took)
			}
			redistest.Await(t, "the log", func() bool { return strings.Contains(g.Log(), "notifications come again") })
			if log := g.Log(); strings.Count(log, notComing) != 1 {
				t.Errorf("the log has %s", log)
			}
			if r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health", ""); r.StatusCode != 200 || strings.Contains(body, notComing) {
				t.Errorf("the health is %s %s", r.Status, body)
			}
			if got := s.Text(); strings.Contains(got, "sse.gap") {
				t.Errorf("it came %s", got)
			}
		})
	}
}

// A service that has no notifications, whatever it says.
func TestNoNotificationsAtAll(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Do("ACL", "SETUSER", "gateway", "on", ">secret", "allkeys", "allchannels", "+@all", "-config")
	g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("gateway:secret")+" {\n\t\t\tkeyspace_notifications\n\t\t}\n\t\tdrain 0\n\t}", refusedSite)
	s := gatewaytest.ComeBack(t, g, "/h/chat", "")
	redistest.Await(t, "the warning", func() bool { return strings.Contains(g.Log(), notComing) })
	began := time.Now()
	server.Add("chat", "*", "hello")
	s.Await("data: hello\n\n")
	if took := time.Since(began); took > soon {
		t.Errorf("an entry took %s", took)
	}
}

// A Redis that takes no writes says nothing about its notifications.
func TestNotificationsOfAFullRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--notify-keyspace-events", "Ktgx")
	g := gatewaytest.Start(t, gatewaytest.RedisOption(server), refusedSite)
	s := gatewaytest.ComeBack(t, g, "/h/chat", "")
	s.Await("id: 0-0\n\n")
	server.Do("CONFIG", "SET", "maxmemory", 1)
	refused := func() string { return fmt.Sprint(server.Do("INFO", "commandstats")) }
	redistest.Await(t, "an entry that is refused", func() bool {
		_, stats, _ := strings.Cut(refused(), "cmdstat_xadd:")
		stats, _, _ = strings.Cut(stats, "\n")
		return strings.Contains(stats, "rejected_calls=") && !strings.Contains(stats, "rejected_calls=0")
	})
	time.Sleep(time.Second) // in which it would be concluded
	if strings.Contains(g.Log(), notComing) {
		t.Errorf("the log has %s", g.Log())
	}
}
