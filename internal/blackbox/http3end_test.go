package blackbox_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A vanishing is a network that a client can be cut off from, without a word.
type vanishing struct {
	net.PacketConn
	gone atomic.Bool
}

func (v *vanishing) WriteTo(p []byte, to net.Addr) (int, error) {
	if v.gone.Load() {
		return len(p), nil
	}
	return v.PacketConn.WriteTo(p, to)
}

func (v *vanishing) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := v.PacketConn.ReadFrom(p)
		if err != nil || !v.gone.Load() {
			return n, from, err
		}
	}
}

// vanishingClient is a client that speaks HTTP/3 over such a network.
func vanishingClient(t *testing.T) (*http.Client, *vanishing) {
	t.Helper()
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	v := &vanishing{PacketConn: udp}
	transport := &quic.Transport{Conn: v}
	tr := &http3.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // a test's own certificate
		Dial: func(ctx context.Context, addr string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
			to, err := net.ResolveUDPAddr("udp", addr)
			if err != nil {
				return nil, err
			}
			return transport.DialEarly(ctx, to, tlsConfig, config)
		},
	}
	t.Cleanup(func() {
		v.gone.Store(true)
		_ = tr.Close() // nobody is there to hear of it
		_ = transport.Close()
		_ = udp.Close()
	})
	return &http.Client{Transport: tr}, v
}

const http3Site = `https://{$ADDR} {
	tls internal
	sse_subscribe /events chat {
		retry 200ms
		greeting hello
	}
	respond /slow "a body"
}`

// subscribeOnce tells of each greeting, and returns the reconnection time when the
// subscription is over.
func subscribeOnce(ctx context.Context, client *http.Client, url string, greetings chan<- time.Time) time.Duration {
	retry := 100 * time.Millisecond
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return retry
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := client.Do(request)
	if err != nil {
		return retry
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if ms, isRetry := strings.CutPrefix(lines.Text(), "retry: "); isRetry {
			n, _ := strconv.Atoi(ms)
			retry = time.Duration(n) * time.Millisecond
		}
		if lines.Text() == "data: hello" {
			greetings <- time.Now()
		}
	}
	return retry
}

// Over HTTP/3 Caddy does not wait at its end for a client that has vanished, and
// others that were sent away are with the next process soon.
func TestEndOverHTTP3(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		global  string
		reloads bool
	}{
		"no grace_period":       {"", false},
		"of a server before it": {"", true},
		"grace_period":          {"\tgrace_period 1s\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			global := test.global + gatewaytest.RedisOption(redistest.Start(t))
			g := gatewaytest.Start(t, global, http3Site)
			client, network := vanishingClient(t)
			gatewaytest.Subscribe(t, client, "https://"+g.Addr+"/events").Await("data: hello\n\n")
			network.gone.Store(true)
			if test.reloads {
				g.Reload(global, http3Site+"\n# again")
			}

			// Another comes back when it has been told to, as browsers do.
			greetings := make(chan time.Time, 100)
			other := http3Client(t)
			ctx, cancel := context.WithCancel(t.Context())
			var done sync.WaitGroup
			defer done.Wait()
			defer cancel()
			done.Go(func() {
				for ctx.Err() == nil {
					time.Sleep(subscribeOnce(ctx, other, "https://"+g.Addr+"/events", greetings))
				}
			})
			<-greetings

			g.Stop()
			g.Run()
			began := time.Now()
			select {
			case at := <-greetings:
				t.Logf("the other was back %s after the start", at.Sub(began))
			case <-time.After(15 * time.Second):
				t.Error("the other is not back")
			}
		})
	}
}
