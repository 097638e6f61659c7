package redisbroker_test

import (
	"flag"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

var many = flag.Bool("many", false, "whether to measure 50,000 channels of a cluster beside those of one Redis")

// How long 50,000 channels take, and what a message costs, in a sharded cluster of three
// masters beside one Redis. It asserts little: it is for numbers.
func TestClusterManyChannels(t *testing.T) {
	if !*many {
		t.Skip("it is for numbers: -many")
	}
	const channels, messages = 50_000, 200_000
	cluster := redistest.StartCluster(t, "")
	plain := redistest.Start(t)
	for _, test := range []struct {
		name     string
		settings Settings
		publish  string
		at       func(channel string) *redistest.Server
		servers  []*redistest.Server
	}{
		{"one Redis", Settings{Address: plain.Addr}, "PUBLISH", func(string) *redistest.Server { return plain }, []*redistest.Server{plain}},
		{"sharded cluster", Settings{Cluster: &Cluster{Addresses: []string{cluster.Nodes[0].Addr}, Sharded: true}}, "SPUBLISH", cluster.Owner, cluster.Nodes},
	} {
		b, l, _ := start(t, test.settings)
		redistest.Await(t, "Redis", b.Up)
		began := time.Now()
		for i := range channels {
			b.Listen(fmt.Sprint("many:", i))
		}
		redistest.Await(t, "all channels", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.live) >= channels
		})
		took := time.Since(began)
		connections := 0
		for _, s := range test.servers {
			connections += strings.Count(fmt.Sprint(s.Do("CLIENT", "LIST", "TYPE", "normal")), "id=") - 1 + strings.Count(fmt.Sprint(s.Do("CLIENT", "LIST", "TYPE", "pubsub")), "id=")
		}
		// All to one channel, and so by one connection.
		name := "many:7"
		client := test.at(name).Client()
		payload := strings.Repeat("x", 100)
		before := processorTime(t)
		pipe := client.Pipeline()
		for n := range messages {
			pipe.Do(t.Context(), test.publish, name, payload)
			if n%1000 == 999 {
				if _, err := pipe.Exec(t.Context()); err != nil {
					t.Fatal(err)
				}
				pipe = client.Pipeline()
			}
		}
		redistest.Await(t, "all messages", func() bool { return received(l, name) >= messages })
		used := processorTime(t) - before
		t.Logf("%s: %d channels subscribed in %s; %d connections; %s of processor time a message, with its publishing", test.name, channels, took, connections, used/messages)
		b.Close()
	}
}

func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func received(l *listener, channel string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.messages[channel])
}
