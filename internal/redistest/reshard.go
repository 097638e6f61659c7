package redistest

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Move gives that many slots of one master, the lowest, to another, with their keys,
// as `redis-cli --cluster reshard` does. It moves fewer if there are fewer.
func (c *Cluster) Move(from, to *Server, slots int) {
	c.t.Helper()
	var some []int
	for _, r := range from.self().ranges {
		for slot := r[0]; slot <= r[1] && len(some) < slots; slot++ {
			some = append(some, slot)
		}
	}
	c.moveSlots(from, to, some...)
}

// MoveChannel gives the slot of one channel to a master.
func (c *Cluster) MoveChannel(channel string, to *Server) {
	c.t.Helper()
	slot := c.Slot(channel)
	if from := c.ownerOf(slot); from != to {
		c.moveSlots(from, to, slot)
	}
}

// atOnce is how many slots are open at the same time while they move.
const atOnce = 20

// moveSlots gives slots to another master, some at a time, over one connection to each:
// there may be hundreds.
func (c *Cluster) moveSlots(from, to *Server, slots ...int) {
	c.t.Helper()
	source, target := from.connect(5*time.Second), to.connect(5*time.Second)
	defer source.Close()
	defer target.Close()
	fromID, toID := from.id(), to.id()
	host, port, _ := net.SplitHostPort(to.Addr)
	migrate := []any{"MIGRATE", host, port, "", 0, 5000}
	if c.password != "" {
		migrate = append(migrate, "AUTH", c.password)
	}
	for some := range slices.Chunk(slots, atOnce) {
		c.each(target, some, "IMPORTING", fromID)
		c.each(source, some, "MIGRATING", toID)
		for _, slot := range some {
			for until := time.Now().Add(15 * time.Second); ; {
				reply, err := source.Do(context.Background(), "CLUSTER", "GETKEYSINSLOT", slot, 100).Slice()
				if err == nil && len(reply) > 0 {
					err = source.Do(context.Background(), slices.Concat(migrate, []any{"KEYS"}, reply)...).Err()
				}
				if err != nil && strings.Contains(err.Error(), "CLUSTERDOWN") && time.Now().Before(until) {
					time.Sleep(10 * time.Millisecond) // the target has not yet heard of all
					continue
				}
				if err != nil {
					c.t.Fatal("moving the keys of a slot: ", err)
				}
				if len(reply) == 0 {
					break
				}
			}
		}
		// The new owner first: if it did not know, the slot would be nobody's.
		c.each(target, some, "NODE", toID)
		c.each(source, some, "NODE", toID)
	}
}

// each has a node take down something of slots. It may not have heard yet that the other
// is a master.
func (c *Cluster) each(at *redis.Client, slots []int, state, id string) {
	c.t.Helper()
	for until := time.Now().Add(15 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		pipe := at.Pipeline()
		for _, slot := range slots {
			pipe.Do(context.Background(), "CLUSTER", "SETSLOT", slot, state, id)
		}
		_, err := pipe.Exec(context.Background())
		switch {
		// A master whose last slot is known to be another's has become its replica.
		case err == nil, strings.Contains(err.Error(), "only with masters"):
			return
		case !strings.Contains(err.Error(), "not a master") || time.Now().After(until):
			c.t.Fatalf("SETSLOT %s: %v", state, err)
		}
	}
}

// AddNode adds a master that owns no slot: [Cluster.Move] gives it some.
func (c *Cluster) AddNode() *Server {
	c.t.Helper()
	s := c.start()
	c.meet(s)
	c.awaitKnown()
	// It takes commands when it knows that the slots are served.
	c.AwaitOK()
	return s
}

// Empty gives all slots of a master to another, of which it becomes a replica.
func (c *Cluster) Empty(node, to *Server) {
	c.t.Helper()
	c.Move(node, to, Slots)
}

// Remove takes a node that owns no slot out of the cluster, and ends it.
func (c *Cluster) Remove(node *Server) {
	c.t.Helper()
	id := node.id()
	node.Kill()
	c.Nodes = slices.DeleteFunc(c.Nodes, func(s *Server) bool { return s == node })
	for _, s := range c.Nodes {
		if !s.running() {
			continue
		}
		Await(c.t, "a node that is forgotten", func() bool {
			_, err := s.Try("CLUSTER", "FORGET", id)
			return err == nil || strings.Contains(err.Error(), "Unknown node")
		})
	}
}
