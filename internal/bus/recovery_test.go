package bus_test

import (
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	. "github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// load publishes by many connections at once, until the test ends.
func load(t *testing.T, b *Bus) {
	t.Helper()
	stop := make(chan struct{})
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(2 * time.Millisecond):
					_, _ = b.Publish(t.Context(), "load", "x") // it fails meanwhile
				}
			}
		})
	}
	t.Cleanup(func() {
		close(stop)
		work.Wait()
	})
}

// One fault is told once, and is over as soon as Redis is back.
func TestRecovery(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(t *testing.T, server *redistest.Server){
		"killed for 0.7 s": func(_ *testing.T, server *redistest.Server) {
			server.Kill()
			time.Sleep(700 * time.Millisecond)
			server.Restart()
		},
		"killed for 1.9 s": func(_ *testing.T, server *redistest.Server) {
			server.Kill()
			time.Sleep(1900 * time.Millisecond)
			server.Restart()
		},
		"frozen for 6 s": func(_ *testing.T, server *redistest.Server) {
			server.Freeze()
			time.Sleep(6 * time.Second)
			server.Thaw()
		},
		"writes paused for 8 s": func(_ *testing.T, server *redistest.Server) {
			server.Do("CLIENT", "PAUSE", 8000, "WRITE")
			time.Sleep(8 * time.Second)
		},
		"connections killed": func(_ *testing.T, server *redistest.Server) {
			server.Do("CLIENT", "KILL", "TYPE", "pubsub")
			server.Do("CLIENT", "KILL", "TYPE", "normal")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := redistest.Start(t)
			b, l, _ := start(t, &redis.Options{Addr: server.Addr})
			b.Listen("chat")
			awaitHeard(t, l, "chat", 1)
			load(t, b)
			fault(t, server)
			began := time.Now()
			awaitHeard(t, l, "chat", 2)
			t.Log("recovered in", time.Since(began))
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %s", took)
			}
			// A second fault would come of a probe that was lost: after 3 seconds.
			h := b.Health()
			redistest.Await(t, "the next probes", func() bool { return time.Since(h.Since) > 3500*time.Millisecond })
			if n := l.times("chat"); n != 2 || l.deafTimes() != 1 || b.Health().Connections != 2 {
				t.Errorf("heard from the beginning %d times, lost %d times: %+v", n, l.deafTimes(), b.Health())
			}
		})
	}
}

// What is over before Redis counts as away is no fault at all.
func TestShortPause(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, &redis.Options{Addr: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	server.Do("CLIENT", "PAUSE", 1500, "WRITE")
	if _, err := b.Publish(t.Context(), "chat", "hi"); err != nil { // after it
		t.Error(err)
	}
	redistest.Await(t, "the message", func() bool { return len(l.got("chat")) == 1 })
	if l.wasDeaf() {
		t.Error("it counts as a fault")
	}
}

// What was on its way when the connection broke, and comes in a moment later, does
// not hide that it is broken.
func TestLastWordsHideNoFault(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := redistest.StartProxy(t, server.Addr)
	b, l, _ := start(t, &redis.Options{Addr: p.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	client := server.Client()
	broken := time.Now()
	p.Lose(true, false)
	for time.Since(broken) < 1200*time.Millisecond {
		client.Publish(t.Context(), "chat", "a last word")
		time.Sleep(20 * time.Millisecond)
	}
	p.Lose(true, true)
	redistest.Await(t, "the fault to be noticed", func() bool { return !b.Health().Up })
	if took := time.Since(broken); took > 5*time.Second {
		t.Errorf("it was noticed after %s", took)
	}
}
