package gateway

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
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

// These count since the process began, whatever configurations and gateways come
// and go. What gateways count themselves, the collector asks them for.
var (
	publishes = counters("publishes", "What sse_publish was to publish, by what became of it.", "result")
	busy      = counters("busy", "Subscribers that were sent away or refused, by the limit that they would have been over.", "reason")
	opened    = counters("subscribers_opened", "Subscribers that have come.", "protocol", "via")
	closed    = counters("subscribers_closed", "Subscribers that have gone, by the reason.", "reason")
	open      = prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: "caddy", Subsystem: "sse", Name: "subscribers", Help: "Subscribers that are there.",
	}, []string{"protocol", "via"})
	delivered = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "caddy", Subsystem: "sse", Name: "delivery_seconds",
		Help: "Time from when an event was heard from Redis until it was written to the sockets of a core's subscribers, " +
			"or, over HTTP/2 and HTTP/3, handed to those who write.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
)

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "caddy", Subsystem: "sse", Name: name + "_total", Help: help}, labels)
}

// What can happen is there from the beginning, as zero, so that an alert on its
// increase sees the first.
func init() {
	for _, r := range []PublishResult{Published, Refused, Failed, Late, Lost} {
		publishes.WithLabelValues(string(r))
	}
	for _, r := range []eventstream.BusyReason{
		eventstream.BusyGate, eventstream.BusySubscribers, eventstream.BusyPerIP, eventstream.BusyPerMember,
		eventstream.BusyChannels, eventstream.BusyConnectRate,
	} {
		busy.WithLabelValues(string(r))
	}
	for _, r := range []CloseReason{ClosedLeft, ClosedSlow, ClosedStalled, ClosedOld, ClosedEnd, ClosedKicked, ClosedLimit, ClosedError} {
		closed.WithLabelValues(string(r))
	}
	for _, protocol := range []string{"http/1.1", "http/2", "http/3"} {
		for _, via := range []string{"socket", "response"} {
			if protocol == "http/1.1" || via == "response" {
				opened.WithLabelValues(protocol, via)
				open.WithLabelValues(protocol, via)
			}
		}
	}
}

// CountPublish counts one.
func CountPublish(r PublishResult) { publishes.WithLabelValues(string(r)).Inc() }

// CountBusy counts a subscriber that was sent away, or refused.
func (g *Gateway) CountBusy(reason eventstream.BusyReason) {
	busy.WithLabelValues(string(reason)).Inc()
}

func (s *Subscription) countOpened() {
	opened.WithLabelValues(s.Protocol, s.Via()).Inc()
	open.WithLabelValues(s.Protocol, s.Via()).Inc()
}

func (s *Subscription) countClosed(reason CloseReason) {
	open.WithLabelValues(s.Protocol, s.Via()).Dec()
	closed.WithLabelValues(string(reason)).Inc()
}

func observeDelivered(d time.Duration) { delivered.Observe(d.Seconds()) }

// RegisterMetrics makes the metrics known to a configuration's registry, which
// is new at each reload.
func RegisterMetrics(to prometheus.Registerer, m PerChannel) error {
	for _, c := range []prometheus.Collector{publishes, busy, opened, closed, open, delivered, &collector{m}} {
		if err := to.Register(c); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
			return err
		}
	}
	return nil
}
