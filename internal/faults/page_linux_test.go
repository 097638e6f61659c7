package faults

import (
	"bufio"
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A page is an EventSource that notes what comes, and when.
type page struct {
	mu     sync.Mutex
	events map[int]time.Time
	twice  int
	gaps   []time.Time
}

func openPage(t *testing.T, url string) *page {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	request.Header.Set("Accept", "text/event-stream")
	r, err := new(http.Client).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{events: make(map[int]time.Time)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			p.read(lines.Text())
		}
	}()
	t.Cleanup(func() {
		cancel()
		r.Body.Close()
		<-ended
	})
	return p
}

func (p *page) read(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if line == "event: sse.gap" {
		p.gaps = append(p.gaps, time.Now())
	}
	data, ok := strings.CutPrefix(line, "data: ")
	number, _, _ := strings.Cut(data, " ")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return
	}
	if _, again := p.events[n]; again {
		p.twice++
		return
	}
	p.events[n] = time.Now()
}

// hasHeard reports whether an event has come after then.
func (p *page) hasHeard(after time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.events {
		if at.After(after) {
			return true
		}
	}
	return false
}
