package redisbroker

import (
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

type nobody struct{}

func (nobody) Connected()             {}
func (nobody) Subscribed(string)      {}
func (nobody) Message(string, string) {}
func (nobody) Unsubscribed([]string)  {}
func (nobody) Disconnected()          {}

// publishAtOnce publishes by many connections, and fails the test for each that
// fails.
func publishAtOnce(t *testing.T, b *Broker) {
	t.Helper()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := b.Publish(t.Context(), "chat", "hi"); err != nil {
				t.Errorf("publishing: %v", err)
			}
		})
	}
	all.Wait()
}

// idle waits while connections are not used.
func idle(t *testing.T, d time.Duration) {
	t.Helper()
	until := time.Now().Add(d)
	redistest.Await(t, "time to go by", func() bool { return time.Now().After(until) })
}

func begin(t *testing.T, o Settings) *Broker {
	t.Helper()
	b := New(o, zap.NewNop)
	t.Cleanup(b.Close)
	b.Start(nobody{})
	redistest.Await(t, "the first probe", b.Up)
	return b
}

// Redis closes what is idle, over TLS too, where go-redis cannot see it.
func TestConnectionsThatRedisClosed(t *testing.T) {
	t.Parallel()
	cert, key := redistest.Certificate(t)
	addr := redistest.FreeAddr(t)
	_, port, _ := strings.Cut(addr, ":")
	server := redistest.Start(t, "--timeout", "2", "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	server.Do("ACL", "SETUSER", "gateway", "on", ">secret", "~*", "&*", "+@all", "-config")
	withTLS := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a test's own certificate
	for name, o := range map[string]Settings{
		"plain":                      {Address: server.Addr},
		"over TLS":                   {Address: addr, Secrets: Secrets{TLS: withTLS}},
		"over TLS, without CONFIG":   {Address: addr, Secrets: Secrets{TLS: withTLS, Username: "gateway", Password: "secret"}},
		"without TLS, nor by CONFIG": {Address: server.Addr, Secrets: Secrets{Username: "gateway", Password: "secret"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := begin(t, o)
			publishAtOnce(t, b)
			idle(t, 3500*time.Millisecond)
			publishAtOnce(t, b)
		})
	}
}

// A NAT that has forgotten a connection swallows all that is sent by it.
func TestConnectionsThatAreForgotten(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--timeout", "2")
	p := redistest.StartProxy(t, server.Addr)
	const forgotten = 5 * time.Second
	p.Forget(forgotten)
	b := begin(t, Settings{Address: p.Addr})
	redistest.Await(t, "half of Redis' limit to be learnt", func() bool { return b.server.conns.idleLimit.Load() == int64(time.Second) })
	server.Do("CONFIG", "SET", "timeout", "0") // it is the proxy that ends them
	publishAtOnce(t, b)
	idle(t, forgotten+time.Second)
	publishAtOnce(t, b)
}

// What was not sent is sent once more; what may have been executed is not.
func TestOnceMore(t *testing.T) {
	t.Parallel()
	for err, times := range map[error]int{
		nil: 1, errors.New("EOF"): 1, &unsentError{net.ErrClosed}: 2,
	} {
		n := 0
		if got := onceMore(func() error { n++; return err }); n != times || !errors.Is(got, err) {
			t.Errorf("%v: done %d times, and then %v", err, n, got)
		}
	}
}
