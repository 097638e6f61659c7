package blackbox_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/netnstest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// Clients with the smallest windows and segments, which then acknowledge nothing
// more, delay nobody: nothing waits for them in a loop that others share.
func TestClientsThatTakeNothingDelayNobody(t *testing.T) {
	eachFarWay(t, "write_timeout 4s", []string{"window", "200", "advmss", "88"}, func(t *testing.T, f farWay) {
		const hostile = 6
		var clients []*farClient
		for range hostile {
			c := f.client(t)
			gatewaytest.Subscribe(t, c.Client, f.url(f.gateway)+"hostile").Await("retry")
			clients = append(clients, c)
		}
		// There are as many loops as cores, and they take subscribers in turn.
		var others []*gatewaytest.Stream
		for range 4 {
			others = append(others, gatewaytest.Subscribe(t, gatewaytest.HTTP1(t), f.url(f.gateway)+"other"))
		}
		for _, c := range clients {
			c.stopReading()
		}
		f.namespace.Vanish()

		longest := make([]time.Duration, len(others))
		var all sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		for i, s := range others {
			all.Go(func() { longest[i] = longestSilence(ctx, s) })
		}
		redis := f.redis.Client()
		large := strings.Repeat("x", 20<<10)
		for i := range 500 { // for five seconds, longer than the write timeout
			redis.Publish(ctx, "other", strconv.Itoa(i))
			if i%5 == 0 {
				redis.Publish(ctx, "hostile", large)
			}
			time.Sleep(10 * time.Millisecond)
		}
		for _, s := range others {
			s.Await("data: 499\n\n")
		}
		stop()
		all.Wait()
		t.Logf("the longest silence of the others: %s", longest)
		// On a quiet machine it was 11 to 66 ms. Who waits for one of the hostile waits for
		// the write timeout.
		if silence := slices.Max(longest); silence > 3*time.Second {
			t.Errorf("the others received nothing for %s", silence)
		}
		redistest.Await(t, "the end of the hostile", func() bool {
			return strings.Count(f.gateway.Log(), `"subscriber left"`) == hostile
		})
	})
}

// longestSilence is the longest time between two events until ctx ends.
func longestSilence(ctx context.Context, s *gatewaytest.Stream) (longest time.Duration) {
	last, had := time.Now(), 0
	for {
		if n := len(s.Text()); n > had {
			last, had = time.Now(), n
		}
		longest = max(longest, time.Since(last))
		select {
		case <-ctx.Done():
			return longest
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A farWay is one over which clients subscribe from a network namespace.
type farWay struct {
	way
	gateway   *gatewaytest.Gateway
	redis     *redistest.Server
	namespace *netnstest.Namespace
}

// eachFarWay runs the test over every way, each with a namespace of its own with
// that route to the gateway. The block is that of sse_subscribe.
func eachFarWay(t *testing.T, block string, route []string, test func(*testing.T, farWay)) {
	t.Helper()
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			namespace := netnstest.New(t, route...)
			server := redistest.Start(t)
			test(t, farWay{w, w.start(t, server, block), server, namespace})
		})
	}
}

// A farClient is in a network namespace, over a connection of its own.
type farClient struct {
	*http.Client
	silent atomic.Bool
}

// stopReading has the client leave what comes in its socket.
func (c *farClient) stopReading() { c.silent.Store(true) }

func (f farWay) client(t *testing.T) *farClient {
	t.Helper()
	c := new(farClient)
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := f.namespace.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &silentConn{Conn: conn, client: c, closed: make(chan struct{})}, nil
	}
	config := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // a test's own certificate
	if f.name == "HTTP3" {
		packets, err := f.namespace.ListenPacket()
		if err != nil {
			t.Fatal(err)
		}
		transport := &quic.Transport{Conn: packets}
		tr := &http3.Transport{TLSClientConfig: config, Dial: func(ctx context.Context, addr string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			_, port, _ := net.SplitHostPort(addr)
			host, err := net.ResolveUDPAddr("udp4", net.JoinHostPort(f.namespace.Host, port))
			if err != nil {
				return nil, err
			}
			config.MaxIdleTimeout = 3 * time.Second // the lower one of both sides counts; Caddy's is 30 s
			return transport.DialEarly(ctx, host, tlsConfig, config)
		}}
		t.Cleanup(func() { tr.Close(); transport.Close(); packets.Close() })
		c.Client = &http.Client{Transport: tr}
		return c
	}
	c.Client = f.way.client(t)
	tr := c.Transport.(*http.Transport)
	tr.DialContext, tr.TLSClientConfig = dial, config
	return c
}

// A silentConn reads nothing more once its client is silent.
type silentConn struct {
	net.Conn
	client *farClient
	once   sync.Once
	closed chan struct{}
}

func (c *silentConn) Read(p []byte) (int, error) {
	if c.client.silent.Load() {
		<-c.closed
		return 0, net.ErrClosed
	}
	return c.Conn.Read(p)
}

func (c *silentConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}
