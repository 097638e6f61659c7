package blackbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A failover is several Redis servers, of which one at a time has the channel.
type failover struct {
	option string // what follows the option `redis`
	master func() *redistest.Server
	// planned has another become the master; next tells when one has, other than that.
	planned func()
	next    func(old *redistest.Server) bool
	// away is what health says while there is none.
	away string
}

const roomSite = `http://{$ADDR} {
	sse_subscribe /room room {
		history
		presence {query.member} {
			linger 0
		}
	}
	sse_subscribe /live room
	sse_presence /here room
	sse_health /health
	sse_publish /kept room {
		store wait 1 1s
	}
	route /say {
		sse_publish room {
			from_response
			store
		}
		respond {query.text}
	}
}`

func sentinelFailover(t *testing.T) *failover {
	t.Helper()
	set := redistest.StartSentinels(t, "of-data", "of-sentinels")
	var addrs []string
	for _, s := range set.Sentinels {
		addrs = append(addrs, s.Addr)
	}
	return &failover{
		option: fmt.Sprintf("sentinel %s %s {\n\t\t\tpassword of-data\n\t\t\tsentinel_password of-sentinels\n\t\t}", set.Name, strings.Join(addrs, " ")),
		master: func() *redistest.Server {
			master := set.Master()
			if master == nil || set.Replicas(master) == 0 { // which all sentinels have to know
				return nil
			}
			return master
		},
		planned: func() {
			redistest.Await(t, "a sentinel that fails over", func() bool {
				_, err := set.Sentinels[0].Try("SENTINEL", "FAILOVER", set.Name)
				return err == nil
			})
		},
		next: func(old *redistest.Server) bool {
			reply, err := set.Sentinels[0].Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", set.Name)
			at, ok := reply.([]any)
			return err == nil && ok && fmt.Sprint(at[0], ":", at[1]) != old.Addr
		},
		away: `redis is away`,
	}
}

func clusterFailover(t *testing.T) *failover {
	t.Helper()
	c := redistest.StartCluster(t, "of-data")
	var replica *redistest.Server
	return &failover{
		option: fmt.Sprintf("cluster %s %s %s {\n\t\t\tpassword of-data\n\t\t\tsharded\n\t\t}", c.Nodes[0].Addr, c.Nodes[1].Addr, c.Nodes[5].Addr),
		master: func() *redistest.Server {
			master := c.Owner("room")
			if master != nil {
				replica = c.ReplicaOf(master)
			}
			if replica == nil {
				return nil
			}
			return master
		},
		planned: func() { replica.Do("CLUSTER", "FAILOVER") },
		next:    func(*redistest.Server) bool { return c.IsMaster(replica) },
		away:    "1 of 3 masters of the cluster are away, and with them their channels; of one: redis is away",
	}
}

// Two gateways in front of a master that fails over go on: events are stored and arrive,
// members are counted, and what is said of it is true.
func TestFailover(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *failover{"sentinel": sentinelFailover, "sharded cluster": clusterFailover} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t)
			global := "\tsse {\n\t\tredis " + f.option + "\n\t\tdrain 0\n\t\tgap_spread 0\n\t\tpresence_ttl 3s\n\t}"
			one, two := gatewaytest.Start(t, global, roomSite), gatewaytest.Start(t, global, roomSite)
			ann := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+one.Addr+"/room?member=ann")
			bob := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+two.Addr+"/room?member=bob")
			eve := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+two.Addr+"/room?member=eve")
			live := gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), "http://"+one.Addr+"/live")
			ann.Await("id: ")
			bob.Await("id: ")
			live.Await("id: ")
			counts := func(n int) func() bool {
				return func() bool { return membersAt(t, one) == n && membersAt(t, two) == n }
			}
			redistest.Await(t, "all members", counts(3))

			if r, body := gatewaytest.Do(t, "POST", "http://"+one.Addr+"/kept", "kept"); r.StatusCode != http.StatusOK || !strings.Contains(body, `"replicated":true`) {
				t.Errorf("an event that waits for a replica: %s %s", r.Status, body)
			}
			says := speakAt(two)
			defer says.stop()
			says.until(t, ann, time.Now())
			for _, how := range []string{"planned", "killed"} {
				var old *redistest.Server
				redistest.Await(t, "a master", func() bool { old = f.master(); return old != nil })
				began := time.Now()
				if how == "planned" {
					f.planned()
				} else {
					old.Kill()
					eve.Leave() // which no master is told now
					redistest.Await(t, "what health says", func() bool {
						_, body := gatewaytest.Do(t, "GET", "http://"+one.Addr+"/health", "")
						return strings.Contains(body, f.away)
					})
				}
				for !f.next(old) {
					if time.Since(began) > 15*time.Second {
						t.Fatal("there is no new master")
					}
					time.Sleep(time.Millisecond) // it is measured
				}
				elected := time.Now()
				t.Logf("%s: a new master after %s, the next event at a subscriber %s later", how, elected.Sub(began), says.until(t, ann, elected))
				if how == "killed" {
					redistest.Await(t, "the members that are left", counts(2))
					t.Logf("%s: the members were right %s after there was a new master", how, time.Since(elected))
					old.Restart()
				}
			}
			for _, g := range []*gatewaytest.Gateway{one, two} {
				redistest.Await(t, "good health", func() bool {
					r, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/health", "")
					return r.StatusCode == http.StatusOK && !strings.Contains(body, "warnings")
				})
			}
			said := says.stop()
			for _, s := range []*gatewaytest.Stream{ann, bob} {
				s.AwaitData("data: said " + fmt.Sprint(len(said)-1) + "\n")
				for i, result := range said {
					n := strings.Count(s.Data(), fmt.Sprintf("data: said %d\n", i))
					// What a master had confirmed may be gone with it, but not in silence.
					if n == 0 && result != "failed" && !strings.Contains(s.Data(), "event: sse.gap") {
						t.Errorf("event %d, which was %s, has not arrived", i, result)
					}
					if n > 1 && result == "published" {
						t.Errorf("event %d, which was %s, has arrived %d times", i, result, n)
					}
				}
			}
			live.Await("event: sse.gap")
			for _, g := range []*gatewaytest.Gateway{one, two} {
				troubles := 0
				for line := range strings.Lines(g.Log()) {
					if strings.Contains(line, `"level":"error"`) && !strings.Contains(line, "an answer was not published") {
						troubles++
					}
				}
				if troubles != 1 || strings.Count(g.Log(), `"redis is away; trying again until it is there"`) != 1 {
					t.Errorf("it logs %d troubles, and not one of the master that was killed:\n%s", troubles, g.Log())
				}
			}
		})
	}
}

func membersAt(t *testing.T, g *gatewaytest.Gateway) int {
	t.Helper()
	_, body := gatewaytest.Do(t, "GET", "http://"+g.Addr+"/here", "", "Accept: application/json")
	var answer struct{ Count int }
	_ = json.Unmarshal([]byte(body), &answer) // a refusal has no count
	return answer.Count
}

// A speaking app says one thing after the other, all the time.
type speaking struct {
	end, ended chan struct{}
	once       sync.Once

	mu   sync.Mutex
	said []string // what became of each
	at   []time.Time
}

func speakAt(g *gatewaytest.Gateway) *speaking {
	s := &speaking{end: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		for i := 0; ; i++ {
			result := "failed"
			if r, err := http.Post(fmt.Sprintf("http://%s/say?text=said+%d", g.Addr, i), "text/plain", nil); err == nil {
				r.Body.Close()
				result = r.Header.Get("Sse-Publish")
			}
			s.mu.Lock()
			s.said, s.at = append(s.said, result), append(s.at, time.Now())
			s.mu.Unlock()
			select {
			case <-time.After(5 * time.Millisecond):
			case <-s.end:
				return
			}
		}
	}()
	return s
}

// until waits for an event at the subscriber that was said after a time, and returns how
// long after that it came.
func (s *speaking) until(t *testing.T, at *gatewaytest.Stream, after time.Time) time.Duration {
	t.Helper()
	s.mu.Lock()
	first := len(s.said)
	s.mu.Unlock()
	deadline := time.Now().Add(15 * time.Second)
	for {
		text := at.Data()
		if i := strings.LastIndex(text, "data: said "); i >= 0 {
			var n int
			if _, err := fmt.Sscanf(text[i:], "data: said %d\n", &n); err == nil && n >= first {
				return time.Since(after)
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no event arrives any more")
		}
		time.Sleep(time.Millisecond) // it is measured
	}
}

// stop ends the app, and returns what became of each that it said.
func (s *speaking) stop() []string {
	s.once.Do(func() { close(s.end) })
	<-s.ended
	return s.said
}
