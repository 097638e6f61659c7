package redisbroker_test

import (
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

func awaitReplicaIsLeft(t *testing.T, b *Broker) {
	t.Helper()
	redistest.Await(t, "leaving the replica", func() bool {
		h := b.Health()
		return !h.Up && h.Problem == "redis is a read-only replica"
	})
	if _, err := b.Publish(t.Context(), "chat", "hi"); broker.CauseOf(err) != broker.CauseReplica {
		t.Errorf("publishing to a replica: %v", err)
	}
}

func replicaOf(t *testing.T, server, primary *redistest.Server) {
	t.Helper()
	host, port, _ := net.SplitHostPort(primary.Addr)
	server.Do("REPLICAOF", host, port)
}

// A primary that is demoted in place keeps its connections, takes PUBLISH, and
// hands it to nobody elsewhere.
func TestDemotedPrimaryIsLeft(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []string
		acl     []string
	}{
		"as it is":               {},
		"a replica that writes":  {options: []string{"--replica-read-only", "no"}},
		"HELLO is denied":        {acl: []string{"-hello"}},
		"ROLE is denied, too":    {acl: []string{"-hello", "-role"}},
		"nobody may ask":         {acl: []string{"-hello", "-role", "-info"}},
		"a renamed HELLO":        {options: []string{"--rename-command", "HELLO", ""}},
		"nobody may ask, either": {options: []string{"--rename-command", "HELLO", "", "--rename-command", "ROLE", "", "--rename-command", "INFO", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, next := redistest.Start(t, test.options...), redistest.Start(t)
			args := []any{"ACL", "SETUSER", "gateway", "on", ">secret", "~*", "&*", "+@all"}
			for _, rule := range test.acl {
				args = append(args, rule)
			}
			server.Do(args...)
			b, l, _ := start(t, Settings{Address: server.Addr, Secrets: Secrets{Username: "gateway", Password: "secret"}})
			b.Listen("chat")
			awaitHeard(t, l, "chat", 1)
			if !b.Up() {
				t.Fatal("a channel is heard before the first probe")
			}
			replicaOf(t, server, next)
			awaitReplicaIsLeft(t, b)
			server.Do("REPLICAOF", "NO", "ONE")
			awaitHeard(t, l, "chat", 2)
		})
	}
}

// Behind a stable address another server takes over, and connections to the old
// one live on.
func TestConnectionsToADemotedServerAreDropped(t *testing.T) {
	t.Parallel()
	old, next := redistest.Start(t), redistest.Start(t)
	p := redistest.StartProxy(t, old.Addr)
	settings, err := ParseAddress("redis://" + p.Addr + "?pool_size=50")
	if err != nil {
		t.Fatal(err)
	}
	b, l, _ := start(t, settings)
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	publish := func(text string) {
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() { _, _ = b.Publish(t.Context(), "chat", fmt.Sprint(text, i)) })
		}
		all.Wait()
	}
	publish("before ") // so that many connections are idle
	p.LeadTo(next.Addr)
	replicaOf(t, old, next)
	awaitHeard(t, l, "chat", 2)

	sub := next.Client().Subscribe(t.Context(), "chat")
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	publish("after ")
	redistest.Await(t, "what was published", func() bool { return len(l.got("chat")) >= 40 })
	for range 20 {
		if _, err := sub.ReceiveTimeout(t.Context(), 2*time.Second); err != nil {
			t.Fatalf("something was published to the demoted server: %v", err)
		}
	}
}

func TestReplicaFromTheBeginning(t *testing.T) {
	t.Parallel()
	primary, server := redistest.Start(t), redistest.Start(t)
	replicaOf(t, server, primary)
	b, l, logs := start(t, Settings{Address: server.Addr})
	b.Listen("chat")
	awaitReplicaIsLeft(t, b)
	if b.Health().Connections > 0 || l.times("chat") > 0 || logged(logs, "redis is a read-only replica") != 1 {
		t.Errorf("it is used all the same: %+v", b.Health())
	}
	server.Do("REPLICAOF", "NO", "ONE")
	awaitHeard(t, l, "chat", 1)
}
