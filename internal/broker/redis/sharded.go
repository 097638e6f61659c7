package redisbroker

import (
	"strings"
	"time"
)

// A sharded channel is one of SSUBSCRIBE and SPUBLISH, which a cluster keeps to the
// master that owns its slot. It has a name of its own among those that are wanted: what
// is published by PUBLISH and by SPUBLISH never meets, and the gateway receives both.
const shardedMark = "\x00" // which no channel's name holds

// askShardedAgain is after how long a sharded channel is asked for again that a node has
// not got, if it is still the one to be asked.
const askShardedAgain = 200 * time.Millisecond

func shardedName(channel string) string { return shardedMark + channel }

func isSharded(name string) bool { return strings.HasPrefix(name, shardedMark) }

// channelOf is the channel's own name.
func channelOf(name string) string { return strings.TrimPrefix(name, shardedMark) }

// takenAway takes that the node has ended the subscription to a channel.
func (c *cluster) takenAway(n *node, name string) {
	c.telling.Lock()
	isHere := c.isAt(name, n)
	if isHere {
		c.mu.Lock()
		c.channels[name].isReceived = false
		c.mu.Unlock()
		c.unsubscribed([]string{name})
	}
	c.telling.Unlock()
	if isHere {
		c.askAll()
		n.subscriptions.markDirty(name)
	}
}

// sentOn takes that the node does not have a sharded channel that it was asked for.
func (c *cluster) sentOn(n *node, name string, to redirection, slot uint16, addr string) {
	if to == moved {
		c.moved(slot, addressOf(addr, n.where()))
	} else {
		c.askAll()
	}
	time.AfterFunc(askShardedAgain, func() {
		if n.subscriptions.has(name) {
			n.subscriptions.markDirty(name)
		}
	})
}

// Endings are how often a subscription to a sharded channel of a slot has ended by our own
// word, as far as is known. A node may have ended it by itself at the same moment, so that
// what was taken for its answer was none: that comes yet, and sends us to the next node.
type endings map[uint16]int

func (e *endings) add(slot uint16) {
	if *e == nil {
		*e = make(endings)
	}
	(*e)[slot]++
}

// take reports whether there may be such an answer yet, and takes it.
func (e endings) take(slot uint16) bool {
	if e[slot] == 0 {
		return false
	}
	if e[slot]--; e[slot] == 0 {
		delete(e, slot)
	}
	return true
}
