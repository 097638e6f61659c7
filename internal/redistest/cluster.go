package redistest

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// Slots are how many a cluster has.
const Slots = 16384

// A Cluster is a Redis Cluster of three masters with a replica each. A node that has
// not answered for a second is taken for dead.
//
// Its methods are for one goroutine, apart from those that only ask.
type Cluster struct {
	// Nodes are the three masters at the start, their replicas in the same order, and
	// those of [Cluster.AddNode].
	Nodes []*Server

	t        testing.TB
	password string
	args     []string
	bus      *bus // between nodes that can be cut off; nil: there is none
}

// StartCluster runs a cluster until the test ends. Its nodes ask for the password, if
// it is not empty, and have these further options of redis-server.
func StartCluster(t testing.TB, password string, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, password: password, args: args}
	c.begin()
	return c
}

// StartClusterWithBus is StartCluster with nodes that [Cluster.CutOff] cuts off: what
// they say to each other goes through this process.
func StartClusterWithBus(t testing.TB, password string, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t, password: password, args: args, bus: newBus()}
	c.begin()
	return c
}

// begin runs the first nodes.
func (c *Cluster) begin() {
	t := c.t
	t.Helper()
	for range 6 {
		c.start()
	}
	for i, s := range c.Nodes {
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i < 3 {
			s.Do("CLUSTER", "ADDSLOTSRANGE", i*Slots/3, (i+1)*Slots/3-1)
		}
	}
	for _, s := range c.Nodes[1:] {
		c.meet(s)
	}
	c.awaitKnown()
	for i, s := range c.Nodes[3:] {
		s.Do("CLUSTER", "REPLICATE", c.Nodes[i].id())
	}
	for _, s := range c.Nodes[3:] {
		Await(t, "a replica", s.linked)
	}
	c.AwaitOK()
	for _, s := range c.Nodes[:3] { // as CLUSTER FAILOVER needs it
		Await(t, "a master of which all know the replica", func() bool { return c.replicas(s) == 1 })
	}
}

// start adds a node that knows no other.
func (c *Cluster) start() *Server {
	c.t.Helper()
	s := Stopped(c.t, append(append(secured(c.password),
		"--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
		"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"), c.args...)...)
	s.bus, s.password = FreeAddr(c.t), c.password
	if c.bus != nil {
		c.bus.add(c.t, s)
	}
	s.start()
	c.Nodes = append(c.Nodes, s)
	return s
}

// meet makes the node known to the first that runs.
func (c *Cluster) meet(s *Server) {
	c.t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	_, bus, _ := net.SplitHostPort(s.bus)
	if c.bus != nil {
		bus = c.bus.port(s)
	}
	for _, other := range c.Nodes {
		if other != s && other.running() {
			other.Do("CLUSTER", "MEET", host, port, bus)
			return
		}
	}
}

// awaitKnown waits until all that run know all.
func (c *Cluster) awaitKnown() {
	c.t.Helper()
	for _, s := range c.Nodes {
		if !s.running() {
			continue
		}
		Await(c.t, "nodes that know each other", func() bool {
			known := 0
			for _, line := range s.nodes() {
				if !strings.Contains(line[2], "handshake") {
					known++
				}
			}
			return known >= len(c.Nodes)
		})
	}
}

// AwaitOK waits until all that run say that each slot has a master that answers.
func (c *Cluster) AwaitOK() {
	c.t.Helper()
	for _, s := range c.Nodes {
		Await(c.t, "a cluster that is ok", func() bool {
			reply, err := s.Try("CLUSTER", "INFO")
			return !s.running() || err == nil && strings.Contains(fmt.Sprint(reply), "cluster_state:ok")
		})
	}
}

// Slot is where a channel's or key's place is.
func (c *Cluster) Slot(channel string) int {
	c.t.Helper()
	for _, s := range c.Nodes {
		if slot, err := s.Try("CLUSTER", "KEYSLOT", channel); err == nil {
			return int(slot.(int64))
		}
	}
	c.t.Fatal("no node answers")
	return 0
}

// Owner is the master that has the channel's slot, as it says itself; nil if none
// says so. Of two, of which one has not heard of the other, it is the one that was
// elected last.
func (c *Cluster) Owner(channel string) *Server { return c.ownerOf(c.Slot(channel)) }

func (c *Cluster) ownerOf(slot int) *Server {
	var owner *Server
	best := int64(-1)
	for _, s := range c.Nodes {
		if own := s.self(); own != nil && own.master && own.epoch > best && own.has(slot) {
			owner, best = s, own.epoch
		}
	}
	return owner
}

// Masters are the nodes that answer and own a slot.
func (c *Cluster) Masters() []*Server {
	var masters []*Server
	for _, s := range c.Nodes {
		if c.IsMaster(s) {
			masters = append(masters, s)
		}
	}
	return masters
}

// IsMaster reports whether the node says that it owns slots.
func (c *Cluster) IsMaster(node *Server) bool {
	own := node.self()
	return own != nil && own.master && len(own.ranges) > 0
}

// AwaitOwner waits until the channel has an owner that is another than the given,
// which may be nil.
func (c *Cluster) AwaitOwner(channel string, not *Server) *Server {
	c.t.Helper()
	var owner *Server
	Await(c.t, "an owner", func() bool {
		owner = c.Owner(channel)
		return owner != nil && owner != not
	})
	return owner
}

// ReplicaOf is a replica of the master that has its data; nil if there is none.
func (c *Cluster) ReplicaOf(master *Server) *Server {
	own := master.self()
	if own == nil {
		return nil
	}
	for _, s := range c.Nodes {
		if replica := s.self(); replica != nil && replica.masterID == own.id && s.linked() {
			return s
		}
	}
	return nil
}

// Failover is a planned one: it makes a replica of the master the master, and returns
// it.
func (c *Cluster) Failover(master *Server) *Server {
	c.t.Helper()
	var replica *Server
	Await(c.t, "a replica that can become the master", func() bool {
		replica = c.ReplicaOf(master)
		if replica == nil {
			return false
		}
		_, err := replica.Try("CLUSTER", "FAILOVER")
		return err == nil
	})
	Await(c.t, "the replica to be the master", func() bool { return c.IsMaster(replica) })
	return replica
}

// replicas are how many the master has, as the fewest nodes know it.
func (c *Cluster) replicas(master *Server) int {
	id, fewest := master.id(), len(c.Nodes)
	for _, s := range c.Nodes {
		n := 0
		for _, line := range s.nodes() {
			if line[3] == id {
				n++
			}
		}
		fewest = min(fewest, n)
	}
	return fewest
}

// self is what a node says of itself.
type self struct {
	id       string
	master   bool
	masterID string
	epoch    int64
	ranges   [][2]int
}

func (own *self) has(slot int) bool {
	for _, r := range own.ranges {
		if r[0] <= slot && slot <= r[1] {
			return true
		}
	}
	return false
}

// self asks the node; nil if it does not answer.
func (s *Server) self() *self {
	for _, line := range s.nodes() {
		if !strings.Contains(line[2], "myself") {
			continue
		}
		own := &self{id: line[0], master: strings.Contains(line[2], "master"), masterID: line[3]}
		own.epoch, _ = strconv.ParseInt(line[6], 10, 64)
		for _, slots := range line[8:] {
			if strings.HasPrefix(slots, "[") { // one that is moving
				continue
			}
			first, last, isRange := strings.Cut(slots, "-")
			if !isRange {
				last = first
			}
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			own.ranges = append(own.ranges, [2]int{from, to})
		}
		return own
	}
	return nil
}

// nodes are the lines of CLUSTER NODES; none if the node does not answer.
func (s *Server) nodes() [][]string {
	reply, err := s.Try("CLUSTER", "NODES")
	if err != nil {
		return nil
	}
	var lines [][]string
	for line := range strings.Lines(fmt.Sprint(reply)) {
		if f := strings.Fields(line); len(f) >= 8 {
			lines = append(lines, f)
		}
	}
	return lines
}

func (s *Server) id() string { return fmt.Sprint(s.Do("CLUSTER", "MYID")) }
