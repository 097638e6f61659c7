package redisbroker

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/wake"
)

const (
	// maxRedirects is how often a command is sent on at once.
	maxRedirects = 5
	// laterAfter and laterAtMost are how long to wait before a command is tried again
	// that was not done, and at most after many.
	laterAfter  = 10 * time.Millisecond
	laterAtMost = 200 * time.Millisecond
	// overrideFor is for how long MOVED counts, until the nodes have been asked.
	overrideFor = time.Second
	// retireAfter is after how long a node that owns nothing is let go.
	retireAfter = 10 * time.Second
)

var (
	errUncovered = errors.New("no master of the cluster owns the slot")
	errNodeAway  = errors.New("the master that owns the slot is away")
)

// A cluster knows which node owns which slot, and so where each channel is received and
// each command is done. It asks every node each second what that owns itself, and
// believes the highest epoch: a master that is cut off from the others goes on answering
// as if nothing were.
//
// A node is its ID, since it may have several addresses.
//
// Locks are taken in this order: telling, and then mu. The listener is told without
// mu, since the hub calls under its own lock what takes it.
type cluster struct {
	broker *Broker
	config *Cluster
	// newNode makes a node that is at an address; surveyClient a client to ask there.
	newNode         func(id, addr string) *node
	surveyClient    func(addr string) *redis.Client
	preferHostnames func() bool

	news      wake.Signal
	inTrouble atomic.Bool
	// hurryUntil is until when nodes are asked more often, in nanoseconds since 1970.
	hurryUntil atomic.Int64
	ctx        context.Context
	ended      chan struct{}

	// telling is held while channels are taken from a node, and shared while the
	// listener is told what a node says: so that a word of the node before never comes
	// after that of the next.
	telling sync.RWMutex

	mu        sync.Mutex
	surveyors map[string]*surveyor // by address
	aliases   map[string]string    // addresses, and the nodes' IDs
	nodes     map[string]*node     // by ID
	owners    [slotCount]*node
	overrides map[uint16]override // by MOVED
	channels  map[string]*placed
	idle      map[*node]time.Time // since when they own nothing
	receiving map[*node]bool      // those by which a channel is received
	state     int32
	since     time.Time
	before    uint64 // connections of nodes that were let go
	retired   sync.WaitGroup
}

func newCluster(b *Broker, s *Cluster) *cluster {
	return &cluster{
		broker: b, config: s, news: wake.New(), ctx: b.ctx, ended: make(chan struct{}),
		surveyors: make(map[string]*surveyor), aliases: make(map[string]string), nodes: make(map[string]*node),
		overrides: make(map[uint16]override), channels: make(map[string]*placed),
		idle: make(map[*node]time.Time), receiving: make(map[*node]bool),
	}
}

// connectBy says how connections are made: by the options, but for the dialer.
// preferHostnames reports whether a node's hostname is rather used than its IP address,
// as certificates need it.
func (c *cluster) connectBy(o *redis.Options, d dial, preferHostnames func() bool) {
	c.preferHostnames = preferHostnames
	c.newNode = func(id, addr string) *node {
		n := newNode(c.broker, o, d)
		n.id = id
		n.conns.where = func(context.Context) (string, error) { return n.conns.current(), nil }
		n.moveTo(addr, c.dialled(addr))
		return n
	}
	c.surveyClient = func(addr string) *redis.Client {
		own := *o
		own.PoolSize, own.MinIdleConns = 1, 0
		own.Dialer = failAtUse(func(ctx context.Context, network, _ string) (net.Conn, error) {
			return d(ctx, network, c.dialled(addr))
		})
		return redis.NewClient(&own)
	}
}

// dialled is the address to dial for one that the cluster names.
func (c *cluster) dialled(addr string) string {
	if mapped, ok := c.config.AddressMap[addr]; ok {
		return mapped
	}
	return addr
}

func (c *cluster) start() {
	c.mu.Lock()
	for _, addr := range c.config.Addresses {
		c.add(addr, true)
	}
	c.mu.Unlock()
	go c.run()
}

// run moves channels as slots change hands, until the broker is closed.
func (c *cluster) run() {
	defer close(c.ended)
	for {
		select {
		case <-c.news:
			c.assign()
			c.check()
		case <-c.ctx.Done():
			c.mu.Lock()
			nodes := c.all()
			c.mu.Unlock()
			for _, n := range nodes {
				n.stop()
			}
			c.retired.Wait()
			return
		}
	}
}

// all are the nodes that there are. It is called with the lock held.
func (c *cluster) all() []*node {
	nodes := make([]*node, 0, len(c.nodes))
	for _, n := range c.nodes {
		nodes = append(nodes, n)
	}
	return nodes
}

// masters are the nodes that own slots.
func (c *cluster) masters() (nodes []*node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.nodes {
		if _, isIdle := c.idle[n]; !isIdle {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *node) int { return strings.Compare(a.id, b.id) })
	return nodes
}

// owner is the node that owns the slot; nil if none is known.
func (c *cluster) owner(slot uint16) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.owners[slot]
}

// byOwner are the indexes of so many keys by the node that owns each; nil: nobody does.
func (c *cluster) byOwner(count int, key func(int) string) map[*node][]int {
	indexes := make(map[*node][]int)
	for i := range count {
		n := c.owner(slotOf(key(i)))
		indexes[n] = append(indexes[n], i)
	}
	return indexes
}

// isIdle reports whether a node owns nothing.
func (c *cluster) isIdle(n *node) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, isIdle := c.idle[n]
	return isIdle
}

// isHurried reports whether nodes are to be asked more often.
func (c *cluster) isHurried() bool {
	return c.inTrouble.Load() || time.Now().UnixNano() < c.hurryUntil.Load()
}

// askAll has all nodes asked at once, and soon again.
func (c *cluster) askAll() {
	c.hurryUntil.Store(time.Now().Add(hurryFor).UnixNano())
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.surveyors {
		s.askNow.Set()
	}
}

// node is the node of that ID, which is made if there is none yet; nil if no address of
// it is known. It is called with the lock held.
func (c *cluster) node(id string) *node {
	if n := c.nodes[id]; n != nil {
		return n
	}
	s := c.surveyorOf(id)
	if s == nil || c.ctx.Err() != nil {
		return nil
	}
	n := c.newNode(id, s.addr)
	c.nodes[id] = n
	c.idle[n] = time.Now()
	return n
}

// nodeAt is the node at an address that MOVED or ASK names; nil if it is not known yet.
func (c *cluster) nodeAt(addr string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.aliases[addr]
	if id == "" {
		c.add(addr, false)
		return nil
	}
	return c.node(id)
}
