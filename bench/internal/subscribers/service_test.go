//go:build linux

package subscribers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/stamp"
)

const (
	count    = 24
	channels = 5
	messages = 20 // over all channels
)

// server publishes to everyone the messages of a phase that their channel has,
// once go is closed.
func server(t *testing.T, secure, http2 bool, send func(w http.ResponseWriter, number uint32)) (url string, start func()) {
	t.Helper()
	begin := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		controller := http.NewResponseController(w)
		_ = controller.Flush() // the client does not leave
		<-begin
		var channel uint32
		if _, err := fmt.Sscanf(path.Base(r.URL.Path), "bench.%d", &channel); err != nil {
			t.Error(err)
		}
		for number := channel; number < messages; number += channels {
			send(w, number)
			_ = controller.Flush()
		}
		<-r.Context().Done()
	}))
	s.EnableHTTP2 = http2
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return s.URL, func() { close(begin) }
}

func write(w http.ResponseWriter, number uint32) {
	fmt.Fprintf(w, "data: %s\n\n", stamp.Stamp{Phase: 3, Sent: stamp.Now(), Number: number}.Payload(200))
}

// subscribe subscribes, and tells of what came once there is as much as is
// waited for.
func subscribe(t *testing.T, target Target, start func(), wait uint64) Account {
	t.Helper()
	service, err := newService()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Drop(0, nil) })
	if err := service.Begin(3, nil); err != nil {
		t.Fatal(err)
	}
	if err := service.Connect(Crowd{Target: target, Subscribers: count, Channels: channels}, nil); err != nil {
		t.Fatal(err)
	}
	start()
	var received uint64
	for deadline := time.Now().Add(10 * time.Second); received < wait && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		received = 0
		_ = service.Received(0, &received)
	}
	var a Account
	_ = service.Account(messages, &a)
	return a
}

const all = count * messages / channels

func TestTransports(t *testing.T) {
	for _, c := range []struct {
		name          string
		secure, http2 bool
		perConnection int
	}{
		{"h1", false, false, 1},
		{"h1+tls", true, false, 1},
		{"h2", true, true, 1},
		{"h2 shared", true, true, 7},
	} {
		t.Run(c.name, func(t *testing.T) {
			url, start := server(t, c.secure, c.http2, write)
			a := subscribe(t, Target{URL: url + "/{channel}", HTTP2: c.http2, PerConnection: c.perConnection}, start, all)
			if a.Received != all || a.Missing != 0 || a.Repeated != 0 || a.Ended != 0 {
				t.Errorf("%+v", a)
			}
			if a.P50 <= 0 || a.P50 > 10*time.Second {
				t.Errorf("p50 %v", a.P50)
			}
		})
	}
}

// What comes with the head of the response, before a worker reads, counts, too.
func TestWhatComesAtOnce(t *testing.T) {
	for _, c := range []struct {
		name          string
		secure, http2 bool
	}{{"h1", false, false}, {"h1+tls", true, false}, {"h2", true, true}} {
		t.Run(c.name, func(t *testing.T) {
			url, start := server(t, c.secure, c.http2, write)
			start()
			a := subscribe(t, Target{URL: url + "/{channel}", HTTP2: c.http2, PerConnection: 1, LastEventID: "1-0"}, func() {}, all)
			if a.Received != all || a.Missing != 0 || a.Repeated != 0 || a.Ended != 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}

func TestGapIsSeen(t *testing.T) {
	url, start := server(t, false, false, func(w http.ResponseWriter, number uint32) {
		if number < channels {
			fmt.Fprint(w, "event: sse.gap\ndata: {}\n\n")
		}
		write(w, number)
	})
	if a := subscribe(t, Target{URL: url + "/{channel}", PerConnection: 1}, start, all); a.Gaps != count {
		t.Errorf("%d gaps are seen, not %d", a.Gaps, count)
	}
}

func TestLossIsSeen(t *testing.T) {
	// The last message of each channel is one that came before.
	url, start := server(t, false, false, func(w http.ResponseWriter, number uint32) {
		if number >= messages-channels {
			number -= channels
		}
		write(w, number)
	})
	a := subscribe(t, Target{URL: url + "/{channel}", PerConnection: 1}, start, all-count)
	if a.Received != all-count || a.Missing != count {
		t.Errorf("%+v", a)
	}
}

func TestRefusalIsSeen(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	service, err := newService()
	if err != nil {
		t.Fatal(err)
	}
	err = service.Connect(Crowd{Target: Target{URL: s.URL, PerConnection: 1}, Subscribers: 3, Channels: 1}, nil)
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Error(err)
	}
}

func TestQuantile(t *testing.T) {
	var l latencies
	for i := int64(1); i <= 1000; i++ {
		l.add(i * 1e6)
	}
	for share, want := range map[float64]float64{0.5: 500, 0.99: 990} {
		if got := float64(l.quantile(share)) / 1e6; got < want*0.98 || got > want*1.02 {
			t.Errorf("%v: %v ms", share, got)
		}
	}
}
