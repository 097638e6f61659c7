package blackbox_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

const refusedSite = resumeSite + `
http://{$ADDR}/health {
	sse_health
}`

// refusedReads counts the reads of histories that Redis has refused.
func refusedReads(t *testing.T, server *redistest.Server) (n int) {
	t.Helper()
	for line := range strings.Lines(server.Do("INFO", "commandstats").(string)) {
		command, stats, _ := strings.Cut(strings.TrimSpace(line), ":")
		if command != "cmdstat_xrevrange" && command != "cmdstat_xinfo|stream" {
			continue
		}
		for stat := range strings.SplitSeq(stats, ",") {
			name, value, _ := strings.Cut(stat, "=")
			if name != "rejected_calls" {
				continue
			}
			count, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			n += count
		}
	}
	return n
}

// A history that Redis refuses to read is told of, in the log once, by the health,
// and to its subscribers, and is not asked for over and over. When it can be read,
// nothing was missed.
func TestRefusedReads(t *testing.T) {
	for name, test := range map[string]struct {
		rights string // of the gateway, besides all
		health string // the reason that it is not well
	}{
		"new entries":   {"-xinfo -xrange", "histories that cannot be read: 1; redis denies"},
		"newest":        {"-xrevrange", "histories that cannot be read: 1; redis denies"},
		"the key alone": {"resetkeys ~other:*", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			allow := func(rights string) {
				command := []any{"ACL", "SETUSER", "gateway", "reset", "on", ">secret", "allkeys", "allchannels", "+@all"}
				for _, rule := range strings.Fields(rights) {
					command = append(command, rule)
				}
				server.Do(command...)
			}
			allow(test.rights)
			for _, id := range []string{"1-0", "2-0", "3-0"} {
				server.Add("chat", id, "event "+id)
			}
			g := gatewaytest.Start(t, "\tsse {\n\t\tredis "+server.URL("gateway:secret")+"\n\t\tdrain 0\n\t}", refusedSite)
			newcomer := gatewaytest.ComeBack(t, g, "/last/chat", "")
			gap := `data: {"channel":"chat","reason":"unknown","from":"`
			newcomer.Await(gap)
			second := gatewaytest.ComeBack(t, g, "/last/chat", "")
			second.Await(gap)
			if n := strings.Count(newcomer.Text(), "sse.gap"); n != 1 {
				t.Errorf("%d gaps: %s", n, newcomer.Text())
			}
			const refusal = "redis refuses to read a channel's history"
			redistest.Await(t, "the log", func() bool { return strings.Contains(g.Log(), refusal) })
			if log := g.Log(); strings.Count(log, refusal) != 1 {
				t.Errorf("the log has %s", log)
			}
			r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health", "")
			if ok := r.StatusCode == 200; ok != (test.health == "") || !strings.Contains(body, test.health) {
				t.Errorf("the health is %s %s", r.Status, body)
			}
			before := refusedReads(t, server)
			if before == 0 {
				t.Error("redis has refused nothing")
			}
			time.Sleep(time.Second) // in which it is not tried again
			// Every channel is read once in 45 s, whatever happens: the second of that may
			// be this one.
			if after := refusedReads(t, server); after > before+1 {
				t.Errorf("redis was asked again: it had refused %d reads, and then %d", before, after)
			}
		})
	}
}

// A key of the wrong type spoils nothing but its own channel.
func TestOneBadKey(t *testing.T) {
	g, server := gatewaytest.StartWithRedis(t, resumeSite)
	server.Do("SET", "bad", "x")
	good := gatewaytest.ComeBack(t, g, "/h/good", "")
	good.Await("id: 0-0\n\n")
	gatewaytest.ComeBack(t, g, "/h/bad", "").Await(`{"channel":"bad","reason":"unknown",`)
	later := gatewaytest.ComeBack(t, g, "/h/later", "")
	later.Await("id: 0-0\n\n")
	for _, id := range []string{"1-0", "2-0", "3-0"} {
		began := time.Now()
		server.Add("good", id, id)
		server.Add("later", id, id)
		good.Await("data: " + id + "\n\n")
		later.Await("data: " + id + "\n\n")
		if took := time.Since(began); took > 8*time.Second {
			t.Errorf("an entry took %s", took)
		}
	}
	// It turns bad while it is watched.
	server.Do("DEL", "later")
	server.Do("SET", "later", "x")
	server.Add("good", "4-0", "4-0")
	good.Await("data: 4-0\n\n")
}

// A connected subscriber that has missed nothing is not told of a gap.
func TestNoGapWhereNothingIsMissing(t *testing.T) {
	for notify, times := range map[string]int{"": 5, "Ktgx": 30, "Kt": 10} {
		t.Run("notify-keyspace-events "+notify, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--notify-keyspace-events", notify)
			g := gatewaytest.Start(t, gatewaytest.RedisOption(server), resumeSite)
			for name, lose := range map[string]func(){
				"only":     func() {}, // see below
				"trimmed":  func() { server.Do("XTRIM", "trimmed", "MAXLEN", 0) },
				"deleted":  func() { server.Do("DEL", "deleted") },
				"expiring": func() { server.Do("PEXPIRE", "expiring", 1) },
				"unlinked": func() { server.Do("UNLINK", "unlinked") },
				"renamed":  func() { server.Do("RENAME", "renamed", "elsewhere") },
			} {
				s := gatewaytest.ComeBack(t, g, "/h/"+name, "")
				s.Await("id: 0-0\n\n")
				for i := range times {
					id := fmt.Sprint(i+1, "-0") // within a millisecond, Redis would give one again
					if name == "only" {
						server.Do("XADD", name, "MAXLEN", "1", id, "data", i)
					} else {
						server.Do("XADD", name, id, "data", i)
					}
					s.Await(fmt.Sprintf("data: %d\n\n", i))
					lose()
					if name == "expiring" {
						redistest.Await(t, "the end of the key", func() bool { return server.Do("EXISTS", name) == int64(0) })
					}
				}
				if got := s.Text(); strings.Contains(got, "sse.gap") {
					t.Errorf("%s: %s", name, got)
				}
			}
		})
	}
}

// A life of the key between two others that is over before the gateway has read it
// is told of as a gap, each time: Redis' notifications tell of its entry.
func TestGapWhereALifeWasMissed(t *testing.T) {
	for _, notify := range []string{"Ktgx", "Kt"} {
		t.Run("notify-keyspace-events "+notify, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t, "--notify-keyspace-events", notify)
			g := gatewaytest.Start(t, gatewaytest.RedisOption(server), resumeSite)
			s := gatewaytest.ComeBack(t, g, "/h/chat", "")
			s.Await("id: 0-0\n\n")
			redistest.Await(t, "the notifications", func() bool { return server.Listeners("__keyspace@0__:sse.probe.notifications") == 1 })
			server.Add("chat", "1-0", "first")
			s.Await("data: first\n\n")
			for i := range 20 {
				server.Do("EVAL", `for n = 1, 2 do redis.call('DEL', KEYS[1]) redis.call('XADD', KEYS[1], ARGV[n] .. '-0', 'data', ARGV[n]) end return 1`,
					1, "chat", 10*(i+1), 10*(i+1)+1)
				s.Await(fmt.Sprintf("data: %d\n\n", 10*(i+1)+1))
				if n := strings.Count(s.Text(), "sse.gap"); n != i+1 {
					t.Fatalf("after %d lives that were missed came %d gaps: %s", i+1, n, s.Text())
				}
			}
		})
	}
}
