package redisbroker_test

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A cluster is three masters, 0 to 2, each with a replica, 3 to 5.
type cluster struct {
	t     *testing.T
	nodes []*redistest.Server
}

func startCluster(t *testing.T, options ...string) *cluster {
	t.Helper()
	c := &cluster{t: t}
	for range 6 {
		_, bus, _ := net.SplitHostPort(redistest.FreeAddr(t))
		c.nodes = append(c.nodes, redistest.Start(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "1500"}, options...)...))
	}
	for i, n := range c.nodes {
		n.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i < 3 {
			n.Do("CLUSTER", "ADDSLOTSRANGE", i*5462, min(i*5462+5461, 16383))
		}
		host, port, _ := net.SplitHostPort(n.Addr)
		_, bus := "", ""
		fields := strings.Fields(n.Do("CLUSTER", "NODES").(string))
		_, bus, _ = strings.Cut(fields[1], "@")
		bus, _, _ = strings.Cut(bus, ",")
		if i > 0 {
			c.nodes[0].Do("CLUSTER", "MEET", host, port, bus)
		}
	}
	for _, n := range c.nodes {
		redistest.Await(t, "the nodes to know each other", func() bool {
			return strings.Count(n.Do("CLUSTER", "NODES").(string), "connected") == 6 && !strings.Contains(n.Do("CLUSTER", "NODES").(string), "handshake")
		})
	}
	for i := range 3 {
		redistest.Await(t, "the replica to learn of its master", func() bool {
			return c.nodes[3+i].Client().Do(t.Context(), "CLUSTER", "REPLICATE", c.id(i)).Err() == nil
		})
	}
	for i, n := range c.nodes {
		redistest.Await(t, "the cluster", func() bool {
			return strings.Contains(n.Do("CLUSTER", "INFO").(string), "cluster_state:ok") &&
				(i < 3 || strings.Contains(n.Do("INFO", "replication").(string), "master_link_status:up"))
		})
	}
	return c
}

func (c *cluster) id(i int) string { return c.nodes[i].Do("CLUSTER", "MYID").(string) }

// channelAt is a channel whose slot the master owns.
func (c *cluster) channelAt(i int, prefix string) string {
	for n := 0; ; n++ {
		name := prefix + strconv.Itoa(n)
		slot, _ := c.nodes[0].Do("CLUSTER", "KEYSLOT", name).(int64)
		if int(slot)/5462 == i {
			return name
		}
	}
}

func (c *cluster) settings() Settings {
	return Settings{Cluster: &Cluster{Addresses: []string{c.nodes[0].Addr, c.nodes[1].Addr}}}
}

// failover makes the replica a master. It returns when it says so.
func (c *cluster) awaitMaster(i int) time.Time {
	c.t.Helper()
	client := c.nodes[i].Client()
	redistest.Await(c.t, "the replica to be the master", func() bool {
		return strings.Contains(client.Do(c.t.Context(), "CLUSTER", "NODES").String(), "myself,master")
	})
	return time.Now()
}

// publishUntil publishes at a node until the listener has got it.
func (c *cluster) publishUntil(i int, l *listener, channel, text string) {
	c.t.Helper()
	client := c.nodes[i].Client()
	redistest.Await(c.t, "what is published to "+channel, func() bool {
		client.Publish(c.t.Context(), channel, text)
		return slices.Contains(l.got(channel), text)
	})
}

var storedFields = []string{"data", "x"}

// Each command goes to the node that owns the key.
func TestClusterCommands(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	b, l, _ := start(t, c.settings())
	var channels []string
	for i := range 3 {
		channels = append(channels, c.channelAt(i, "chat:"), c.channelAt(i, "room:"))
	}
	for _, channel := range channels {
		b.Listen(channel)
	}
	for _, channel := range channels {
		awaitHeard(t, l, channel, 1)
		if n, err := b.Publish(t.Context(), channel, "hi"); err != nil || n != 1 {
			t.Errorf("publishing: %d, %v", n, err)
		}
		if id, n, err := b.Store(t.Context(), channel, storedFields, broker.HistoryLimits{}); err != nil || n != 1 || id == "" {
			t.Errorf("storing: %q, %d, %v", id, n, err)
		}
		if entries, err := b.Entries(t.Context(), channel, broker.Page{Limit: 10}); err != nil || len(entries) != 1 {
			t.Errorf("a page: %v, %v", entries, err)
		}
		if has, err := b.HasHistory(t.Context(), channel); err != nil || !has {
			t.Errorf("it has no history: %v", err)
		}
		if n, err := b.Length(t.Context(), channel); err != nil || n != 1 {
			t.Errorf("its length is %d, %v", n, err)
		}
		redistest.Await(t, "both messages", func() bool { return len(l.got(channel)) == 2 })
	}
	reads := make([]broker.Read, len(channels))
	for i, channel := range channels {
		reads[i] = broker.Read{Channel: channel, Count: 10, InfoAfter: true}
	}
	for i, snap := range b.Read(t.Context(), reads, true) {
		if snap.Err != nil || len(snap.Entries) != 1 || snap.Info == nil || snap.Info.Length != 1 {
			t.Errorf("%s: %+v", channels[i], snap)
		}
	}
	done := make(chan error, 60)
	for range 10 {
		for _, channel := range channels {
			if err := b.Enqueue(channel, storedFields, broker.HistoryLimits{}, func(err error) { done <- err }); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 60 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	h := b.Health()
	if !h.Up || h.Connections != 3 || h.Warnings != nil || h.Limited != "" {
		t.Errorf("the health is %+v", h)
	}
}

// The channels of a master that ends are received by the one that takes its place, and
// others notice nothing.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(c *cluster){
		"planned": func(c *cluster) { c.nodes[3].Do("CLUSTER", "FAILOVER") },
		"killed":  func(c *cluster) { c.nodes[0].Kill() },
		"frozen":  func(c *cluster) { c.nodes[0].Freeze() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			b, l, _ := start(t, c.settings())
			hit, other := c.channelAt(0, "chat:"), c.channelAt(1, "chat:")
			b.Listen(hit)
			b.Listen(other)
			awaitHeard(t, l, hit, 1)
			awaitHeard(t, l, other, 1)
			before, _, err := b.Store(t.Context(), hit, storedFields, broker.HistoryLimits{})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			fault(c)
			elected := c.awaitMaster(3)
			c.publishUntil(3, l, hit, "after")
			heard := time.Since(elected)
			redistest.Await(t, "the next event to be stored", func() bool {
				id, _, err := b.Store(t.Context(), hit, storedFields, broker.HistoryLimits{})
				return err == nil && id > before
			})
			stored := time.Since(elected)
			t.Logf("the cluster took %s, and the gateway %s more to receive, %s to store", elected.Sub(began), heard, stored)
			if heard > 5*time.Second || stored > 5*time.Second {
				t.Error("it took too long")
			}
			if name != "planned" {
				awaitHeard(t, l, hit, 2)
			}
			if l.times(other) != 1 || l.lostTimes(other) != 0 || l.wasDeaf() {
				t.Errorf("the other channel was lost %d times", l.lostTimes(other))
			}
			if name == "frozen" {
				c.nodes[0].Thaw()
			}
			redistest.Await(t, "the cluster to be whole", func() bool { return b.Health().Warnings == nil })
			c.publishUntil(2, l, hit, "by another node")
		})
	}
}

func (l *listener) lostTimes(channel string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost[channel]
}

// A slot that changes hands takes its channels along.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	b, l, _ := start(t, c.settings())
	channel := c.channelAt(0, "chat:")
	b.Listen(channel)
	awaitHeard(t, l, channel, 1)
	for n := range 5 {
		if _, _, err := b.Store(t.Context(), channel, storedFields, broker.HistoryLimits{}); err != nil {
			t.Fatal(n, err)
		}
	}
	slot := c.nodes[0].Do("CLUSTER", "KEYSLOT", channel)
	c.nodes[1].Do("CLUSTER", "SETSLOT", slot, "IMPORTING", c.id(0))
	c.nodes[0].Do("CLUSTER", "SETSLOT", slot, "MIGRATING", c.id(1))
	host, port, _ := net.SplitHostPort(c.nodes[1].Addr)
	c.nodes[0].Do("MIGRATE", host, port, channel, 0, 1000)

	// While the slot is open, the key is at the new node, which has to be asked first.
	if _, _, err := b.Store(t.Context(), channel, storedFields, broker.HistoryLimits{}); err != nil {
		t.Errorf("storing in an open slot: %v", err)
	}
	for _, snap := range b.Read(t.Context(), []broker.Read{{Channel: channel, Count: 10, InfoAfter: true}}, false) {
		if snap.Err != nil || len(snap.Entries) != 6 {
			t.Errorf("reading in an open slot: %+v", snap)
		}
	}
	c.nodes[1].Do("CLUSTER", "SETSLOT", slot, "NODE", c.id(1))
	c.nodes[0].Do("CLUSTER", "SETSLOT", slot, "NODE", c.id(1))
	if _, _, err := b.Store(t.Context(), channel, storedFields, broker.HistoryLimits{}); err != nil {
		t.Errorf("storing after it: %v", err)
	}
	awaitHeard(t, l, channel, 2)
	if n := c.nodes[1].Listeners(channel); n != 1 {
		t.Errorf("%d connections listen at the new node", n)
	}
	redistest.Await(t, "the old subscription's end", func() bool { return c.nodes[0].Listeners(channel) == 0 })
	if n, err := b.Length(t.Context(), channel); n != 7 || err != nil {
		t.Errorf("there are %d entries: %v", n, err)
	}
}

// What is said by SPUBLISH is received like what is said by PUBLISH, also when the slot
// has gone elsewhere.
func TestClusterSharded(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	s := c.settings()
	s.Cluster.Sharded = true
	b, l, _ := start(t, s)
	channel, other := c.channelAt(0, "chat:"), c.channelAt(1, "chat:")
	b.Listen(channel)
	b.Listen(other)
	awaitHeard(t, l, channel, 1)
	awaitHeard(t, l, other, 1)
	both := func(i int, text string) {
		t.Helper()
		c.nodes[i].Do("SPUBLISH", channel, "sharded "+text)
		c.nodes[i].Do("PUBLISH", channel, "classic "+text)
		if n, err := b.Publish(t.Context(), channel, "own "+text); err != nil || n != 1 {
			t.Errorf("publishing: %d, %v", n, err)
		}
		if _, n, err := b.Store(t.Context(), channel, storedFields, broker.HistoryLimits{}); err != nil || n != 1 {
			t.Errorf("storing: %d, %v", n, err)
		}
		// In whatever order: what has waited at the bus of the cluster may come between.
		for _, kind := range []string{"sharded ", "classic ", "own "} {
			redistest.Await(t, kind+text, func() bool { return slices.Contains(l.got(channel), kind+text) })
		}
	}
	both(0, "at first")
	c.nodes[0].Do("DEL", channel)

	slot := c.nodes[0].Do("CLUSTER", "KEYSLOT", channel)
	began := time.Now()
	for _, i := range []int{1, 0, 2} {
		c.nodes[i].Do("CLUSTER", "SETSLOT", slot, "NODE", c.id(1))
	}
	awaitBoth := func(i int) {
		t.Helper()
		redistest.Await(t, "both subscriptions", func() bool {
			sharded := c.nodes[i].Do("PUBSUB", "SHARDNUMSUB", channel).([]any)
			return c.nodes[i].Listeners(channel) == 1 && sharded[1] == int64(1)
		})
	}
	awaitBoth(1)
	t.Log("a moved slot was received again after", time.Since(began))
	both(1, "after a move")

	began = time.Now()
	c.nodes[4].Do("CLUSTER", "FAILOVER")
	elected := c.awaitMaster(4)
	awaitBoth(4)
	t.Log("the cluster took", elected.Sub(began), "to fail over, and the gateway", time.Since(elected))
	both(4, "after a fail-over")
	if l.lostTimes(channel) == 0 {
		t.Error("nobody was told that the channel was lost")
	}
	b.Forget(channel)
	redistest.Await(t, "the end of both subscriptions", func() bool {
		sharded := c.nodes[4].Do("PUBSUB", "SHARDNUMSUB", channel).([]any)
		return c.nodes[4].Listeners(channel) == 0 && sharded[1] == int64(0)
	})
}

// Members are kept in partitions, of which each is in one slot.
func TestClusterMembers(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	b, l, _ := start(t, c.settings())
	left := func(channel string) string { return "left " + channel + " " }
	for i := range 40 {
		channel := fmt.Sprint("room:", i)
		b.Listen(channel)
		awaitHeard(t, l, channel, 1)
		redistest.Await(t, "the members", func() bool {
			return b.Enter(t.Context(), "one", channel, []broker.Entering{{ID: "u", Since: time.Now(), Info: "{}", Joined: "joined"}}) == nil
		})
	}
	if wasHeld, _, err := b.Renew(t.Context(), "one", time.Minute); err != nil || wasHeld {
		t.Errorf("the first lease was held: %t, %v", wasHeld, err)
	}
	if wasHeld, _, err := b.Renew(t.Context(), "one", 50*time.Millisecond); err != nil || !wasHeld {
		t.Errorf("the second lease was held: %t, %v", wasHeld, err)
	}
	if _, _, err := b.Renew(t.Context(), "two", time.Minute); err != nil {
		t.Fatal(err)
	}
	redistest.Await(t, "the end of the lease", func() bool {
		dead, err := b.Dead(t.Context())
		return err == nil && slices.Equal(dead, []string{"one"})
	})
	if err := b.Reap(t.Context(), "one", left); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		channel := fmt.Sprint("room:", i)
		redistest.Await(t, "the member to have left "+channel, func() bool { return len(l.got(channel)) == 2 })
	}
	if dead, err := b.Dead(t.Context()); err != nil || len(dead) > 0 {
		t.Errorf("%v are still dead: %v", dead, err)
	}
}

// A new connection to the node to which an open slot sends us says the password before
// anything else.
func TestClusterAskWithPassword(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, "secret")
	b, _, _ := start(t, Settings{Cluster: &Cluster{Addresses: []string{c.Nodes[0].Addr}}, Secrets: Secrets{Password: "secret"}})
	redistest.Await(t, "the cluster", func() bool { return b.Up() })
	if _, _, err := b.Store(t.Context(), "chat", storedFields, broker.HistoryLimits{}); err != nil {
		t.Fatal(err)
	}
	from := c.Owner("chat")
	to := c.Masters()[0]
	if to == from {
		to = c.Masters()[1]
	}
	slot := c.Slot("chat")
	to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.Do("CLUSTER", "MYID"))
	from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.Do("CLUSTER", "MYID"))
	host, port, _ := net.SplitHostPort(to.Addr)
	from.Do("MIGRATE", host, port, "", 0, 1000, "AUTH", "secret", "KEYS", "chat")
	for range 3 {
		to.Do("CLIENT", "KILL", "TYPE", "normal")
		if _, _, err := b.Store(t.Context(), "chat", storedFields, broker.HistoryLimits{}); err != nil {
			t.Errorf("storing in an open slot: %v", err)
		}
		to.Do("CLIENT", "KILL", "TYPE", "normal")
		if n, err := b.Length(t.Context(), "chat"); n < 2 || err != nil {
			t.Errorf("reading in an open slot: %d, %v", n, err)
		}
	}
}

// What cannot be is said in a sentence, once.
func TestClusterThatIsNone(t *testing.T) {
	t.Parallel()
	plain := redistest.Start(t)
	for name, test := range map[string]struct {
		addr, problem string
	}{
		"no cluster":   {plain.Addr, "the server is no node of a cluster"},
		"nobody there": {redistest.FreeAddr(t), "a node of the cluster cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, logs := start(t, Settings{Cluster: &Cluster{Addresses: []string{test.addr}}})
			redistest.Await(t, "the problem", func() bool { return strings.Contains(b.Health().Problem, test.problem) })
			if _, err := b.Publish(t.Context(), "chat", "hi"); broker.CauseOf(err) != broker.CauseUnreachable {
				t.Errorf("publishing: %v", err)
			}
			if n := logs.Len(); n > 3 {
				t.Errorf("it logs %d lines: %v", n, allLines(logs))
			}
		})
	}
}

func allLines(logs *observer.ObservedLogs) (lines []string) {
	for _, e := range logs.All() {
		lines = append(lines, e.Message)
	}
	return lines
}
