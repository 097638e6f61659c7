package redisbroker_test

import (
	"sync"
	"testing"
	"time"

	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// load publishes by many connections at once, until the test ends.
func load(t *testing.T, b *Broker) {
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
			// It takes half a second at most, and 3 for who waits for a probe that is lost. A
			// busy machine may be slow once.
			for try := 1; ; try++ {
				took := recovery(t, fault)
				t.Log("recovered in", took)
				if took < 2500*time.Millisecond {
					break
				}
				if try == 3 {
					t.Fatal("it takes too long each time")
				}
			}
		})
	}
}

// recovery is how long the gateway needs after a fault.
func recovery(t *testing.T, fault func(*testing.T, *redistest.Server)) time.Duration {
	t.Helper()
	server := redistest.Start(t)
	b, l, _ := start(t, Settings{Address: server.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	load(t, b)
	fault(t, server)
	began := time.Now()
	awaitHeard(t, l, "chat", 2)
	took := time.Since(began)
	// A second fault would come of a probe that was lost: after 3 seconds.
	h := b.Health()
	redistest.Await(t, "the next probes", func() bool { return time.Since(h.Since) > 3500*time.Millisecond })
	if n := l.times("chat"); n != 2 || l.deafTimes() != 1 || b.Health().Connections != 2 {
		t.Errorf("heard from the beginning %d times, lost %d times: %+v", n, l.deafTimes(), b.Health())
	}
	return took
}

// What is over before Redis counts as away is no fault at all.
func TestShortPause(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b, l, _ := start(t, Settings{Address: server.Addr})
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
	b, l, _ := start(t, Settings{Address: p.Addr})
	b.Listen("chat")
	awaitHeard(t, l, "chat", 1)
	client := server.Client()
	broken := time.Now()
	p.Lose(true, false)
	for time.Since(broken) < 1200*time.Millisecond {
		client.Publish(t.Context(), "chat", "a last word")
		time.Sleep(20 * time.Millisecond)
	}
	last := time.Now()
	p.Lose(true, true)
	redistest.Await(t, "the fault to be noticed", func() bool { return !b.Health().Up })
	// It takes 3 seconds after the last word, and those of a second probe if it hid the
	// fault of the first.
	if took := time.Since(last); took > 4500*time.Millisecond {
		t.Errorf("it was noticed after %s", took)
	}
}
