package redisbroker

import (
	"fmt"
	"slices"
	"testing"

	"go.uber.org/zap"
)

// A told is a listener that takes down what it is told, in order.
type told struct{ all []string }

func (l *told) Connected()                      {}
func (l *told) Disconnected()                   {}
func (l *told) Subscribed(channel string)       { l.all = append(l.all, "subscribed "+channel) }
func (l *told) Unsubscribed([]string)           { l.all = append(l.all, "unsubscribed") }
func (l *told) Message(channel, payload string) { l.all = append(l.all, payload) }

// What comes of a channel before it is subscribed to both as a sharded and as a classic one
// would come before the word that something may be missing.
func TestMessagesComeAfterTheGap(t *testing.T) {
	b := New(Settings{Cluster: &Cluster{Addresses: []string{"127.0.0.1:1"}, Sharded: true}}, zap.NewNop)
	defer b.Close()
	l := &told{}
	b.listener = l
	n := b.cluster.newNode("id", "127.0.0.1:1")
	defer n.stop()
	b.cluster.owners[slotOf("chat")] = n
	b.Listen("chat")
	n.received("chat", "early")
	n.subscribed(shardedName("chat"))
	n.received("chat", "half")
	n.subscribed("chat")
	n.received("chat", "whole")
	if want := []string{"subscribed chat", "whole"}; !slices.Equal(l.all, want) {
		t.Errorf("it tells %q, not %q", l.all, want)
	}

	l.all = nil
	b.cluster.takenAway(n, shardedName("chat"))
	n.received("chat", "half")
	b.cluster.denied(n, shardedName("chat"))
	n.received("chat", "all that there will be")
	if want := []string{"unsubscribed", "subscribed chat", "all that there will be"}; !slices.Equal(l.all, want) {
		t.Errorf("it tells %q, not %q", l.all, want)
	}
}

type redisError string

func (e redisError) Error() string { return string(e) }
func (redisError) RedisError()     {}

// A node ends a subscription at the moment at which the gateway does: then one answer comes
// too many, and it ends no connection.
func TestSubscriptionThatBothEnd(t *testing.T) {
	b := New(Settings{Cluster: &Cluster{Addresses: []string{"127.0.0.1:1"}, Sharded: true}}, zap.NewNop)
	defer b.Close()
	n := b.cluster.newNode("id", "127.0.0.1:1")
	defer n.stop()
	r := newReader(n)
	r.sent = []*command{{subscribe, []string{"next"}}}
	r.ended.add(slotOf("chat"))
	moved := redisError(fmt.Sprintf("MOVED %d 127.0.0.1:2", slotOf("chat")))
	if err := r.refused(moved); err != nil || len(r.sent) != 1 {
		t.Errorf("the answer to the end: %v", err)
	}
	if err := r.refused(moved); err == nil || causeOf(err).String() != "redis is away" {
		t.Errorf("an answer that cannot be: %v", err)
	}
}
