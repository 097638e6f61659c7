package gateway

import (
	"sync"
	"sync/atomic"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/transport"
)

// A PublishResult is what became of something that was to be published. Each
// thing has one, and is counted once, when it is known: what is queued is not
// counted yet.
type PublishResult string

// The results, by their names in the metric.
const (
	Published PublishResult = "published"
	// Refused is what the client did wrong.
	Refused PublishResult = "refused"
	// Failed is what was wrong with Redis, the answer or the configuration.
	Failed PublishResult = "failed"
	// Late was queued, and stored when Redis was there again; Lost was given up
	// after that, or since the queue was full.
	Late PublishResult = "late"
	Lost PublishResult = "lost"
)

// PublishResults are all of them.
var PublishResults = [...]PublishResult{Published, Refused, Failed, Late, Lost}

// A RelayResult is what became of an answer that sse_relay was before: how the run ended,
// or why there was none.
type RelayResult string

// The results besides those of [protocol.EndReason], by their names in the metric.
const (
	// RelayPassed was no event stream, and went to the client as it was.
	RelayPassed RelayResult = "passed"
	// RelayJoined: the client was given the run that was on already, and RelayRefused
	// was sent away since there was one.
	RelayJoined  RelayResult = "joined"
	RelayRefused RelayResult = "refused"
	// RelayBad had no channel, or too large a body.
	RelayBad RelayResult = "bad"
	// RelayOff went by as if there were no relay, since Redis could not take it, or it
	// was compressed.
	RelayOff RelayResult = "off"
)

// RelayResults are all of them.
var RelayResults = [...]RelayResult{
	RelayResult(protocol.EndDone), RelayResult(protocol.EndError), RelayResult(protocol.EndStopped), RelayResult(protocol.EndLost),
	RelayPassed, RelayJoined, RelayRefused, RelayBad, RelayOff,
}

// A Transport is how subscribers are connected: their HTTP version, or admin, and the
// name of what brings them their events.
type Transport struct{ Protocol, Via string }

// Counts are what the process has counted since it began, whatever configurations and
// gateways come and go. What can happen is there from the beginning, as zero, so that an
// alert on its increase sees the first.
type Counts struct {
	Publishes map[PublishResult]int64
	Relays    map[RelayResult]int64
	// Busy are subscribers that were sent away or refused.
	Busy map[protocol.BusyReason]int64
	// Opened are subscribers that have come, Open those that are there now.
	Opened, Open map[Transport]int64
	Closed       map[CloseReason]int64
	// Parked are connections of HTTP/2 with subscribers alone, that are there now.
	Parked int
	// Delivered is how long events took from Redis to the sockets of a loop.
	Delivered Histogram
	Totals
}

// ReadCounts is what has been counted until now.
func ReadCounts() Counts {
	return Counts{
		Publishes: publishes.read(), Relays: relays.read(), Busy: busy.read(), Opened: opened.read(), Open: open.read(), Closed: closed.read(), Parked: transport.Parked(),
		Delivered: delivered.read(), Totals: totals(),
	}
}

var (
	publishes    counts[PublishResult]
	relays       counts[RelayResult]
	busy         counts[protocol.BusyReason]
	opened, open counts[Transport]
	closed       counts[CloseReason]
	delivered    histogram
)

func init() {
	for _, r := range PublishResults {
		publishes.add(r, 0)
	}
	for _, r := range RelayResults {
		relays.add(r, 0)
	}
	for _, r := range protocol.BusyReasons {
		busy.add(r, 0)
	}
	for _, r := range CloseReasons {
		closed.add(r, 0)
	}
	for major, protocol := range map[int]string{1: "http/1.1", 2: "http/2", 3: "http/3"} {
		for _, via := range transport.Names(major) {
			opened.add(Transport{protocol, via}, 0)
			open.add(Transport{protocol, via}, 0)
		}
	}
}

// CountPublish counts one.
func CountPublish(r PublishResult) { publishes.add(r, 1) }

// CountRelay counts one.
func CountRelay(r RelayResult) { relays.add(r, 1) }

// CountBusy counts a subscriber that was sent away, or refused.
func (g *Gateway) CountBusy(reason protocol.BusyReason) { busy.add(reason, 1) }

func (s *Subscription) countOpened() {
	t := Transport{s.Protocol, s.Via()}
	opened.add(t, 1)
	open.add(t, 1)
}

func (s *Subscription) countClosed(reason CloseReason) {
	open.add(Transport{s.Protocol, s.Via()}, -1)
	closed.add(reason, 1)
}

// counts are how often each of a few things has happened. The zero value has none. They
// are safe for concurrent use.
type counts[K comparable] struct{ each sync.Map } // of *atomic.Int64

func (c *counts[K]) add(k K, n int64) {
	count, ok := c.each.Load(k)
	if !ok {
		count, _ = c.each.LoadOrStore(k, new(atomic.Int64))
	}
	count.(*atomic.Int64).Add(n)
}

func (c *counts[K]) read() map[K]int64 {
	all := make(map[K]int64)
	c.each.Range(func(k, count any) bool {
		all[k.(K)] = count.(*atomic.Int64).Load()
		return true
	})
	return all
}
