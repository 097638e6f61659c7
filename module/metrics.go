package sse

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// A PublishResult is what became of something that was to be published.
type PublishResult string

// The results, by their names in the metric.
const (
	Published PublishResult = "published"
	// Refused is what the client did wrong.
	Refused PublishResult = "refused"
	// Failed is what was wrong with Redis or the configuration.
	Failed PublishResult = "failed"
	// Late failed at first, and was stored when Redis was there again; Lost was
	// given up.
	Late PublishResult = "late"
	Lost PublishResult = "lost"
)

// publishes counts since the process began, whatever configurations come and go.
var publishes = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "caddy_sse_publishes_total",
	Help: "What sse_publish was to publish, by what became of it.",
}, []string{"result"})

var busy = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "caddy_sse_busy_total",
	Help: "Subscribers that were sent away or refused, by the limit that they would have been over.",
}, []string{"reason"})

func init() {
	for _, r := range []eventstream.BusyReason{
		eventstream.BusyGate, eventstream.BusySubscribers, eventstream.BusyPerIP, eventstream.BusyPerMember,
		eventstream.BusyChannels, eventstream.BusyConnectRate,
	} {
		busy.WithLabelValues(string(r))
	}
	for _, r := range []PublishResult{Published, Refused, Failed, Late, Lost} {
		publishes.WithLabelValues(string(r))
	}
}

// CountPublish counts one.
func CountPublish(r PublishResult) { publishes.WithLabelValues(string(r)).Inc() }

// registerMetrics makes the metrics known to a configuration's registry, which
// is new at each reload.
func registerMetrics(to prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{publishes, busy} {
		if err := to.Register(c); err != nil && !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
			return err
		}
	}
	return nil
}

// CountBusy counts a subscriber that was sent away, or refused.
func (g *Gateway) CountBusy(reason eventstream.BusyReason) {
	busy.WithLabelValues(string(reason)).Inc()
}
