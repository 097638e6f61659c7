package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/hub"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// What the process counts.
var (
	publishesDesc = desc("publishes_total", "What sse_publish was to publish, by what became of it.", "result")
	relaysDesc    = desc("relay_answers_total", "Answers that sse_relay was before, by what became of them.", "result")
	busyDesc      = desc("busy_total", "Subscribers that were sent away or refused, by the limit that they would have been over.", "reason")
	openedDesc    = desc("subscribers_opened_total", "Subscribers that have come.", "protocol", "via")
	closedDesc    = desc("subscribers_closed_total", "Subscribers that have gone, by the reason.", "reason")
	openDesc      = desc("subscribers", "Subscribers that are there.", "protocol", "via")
	parkedDesc    = desc("http2_parked_connections", "Connections of HTTP/2 that are parked, since only subscribers are on them.")
	deliveredDesc = desc("delivery_seconds", "Time from when an event was received from Redis until it was written to the sockets of a core's subscribers, "+
		"or, over HTTP/2 and HTTP/3, handed to those who write.")
)

// What gateways count.
var (
	sentDesc        = desc("events_sent_total", "Events that were given to subscribers.")
	bytesDesc       = desc("bytes_sent_total", "Bytes that were written to subscribers.")
	gapsDesc        = desc("gaps_total", "Subscribers that were told that they may have missed events, by the reason.", "reason")
	replaysDesc     = desc("replays_total", "Subscribers that came back to events which they had missed.")
	replayedDesc    = desc("replayed_events_total", "Events that were sent to those who had missed them.")
	malformedDesc   = desc("malformed_total", "Payloads and entries that were malformed, and delivered as far as they could be.")
	notUTF8Desc     = desc("not_utf8_total", "Payloads and entries that were not UTF-8, and delivered as they were, each time that they were received or read.")
	undeliveredDesc = desc("published_without_entry_total", "What was published to channels with history without being in it, and reached nobody.")
	connectionsDesc = desc("redis_connections_total", "Connections to Redis that have listened; all but the first are reconnections.")
	messagesDesc    = desc("redis_messages_total", "Messages that were received from Redis.")
	readsDesc       = desc("history_reads_total", "Reads of a channel's history: to catch up, and to look.")
	unreadDesc      = desc("history_unread_total", "Replays that ended in a gap since the history could not be read in time.")
)

// What gateways have now.
var (
	channelsDesc   = desc("channels", "Channels that have subscribers, or linger; live, or with history.", "kind")
	memoryDesc     = desc("memory_bytes", "About what the channels remember.")
	inboxDesc      = desc("inbox_bytes", "What was received from Redis and waits to be handed to the subscribers of a core.")
	pendingDesc    = desc("pending_bytes", "What waits for subscribers to take it.")
	runsDesc       = desc("relay_runs", "Answers that sse_relay was asked for here, and that are not over, or not stored yet.")
	backlogDesc    = desc("backlog_events", "Events that wait to be stored until Redis is there.")
	redisUpDesc    = desc("redis_up", "1 while what is published to Redis comes back.")
	probeDesc      = desc("redis_probe_seconds", "How long the newest probe took through Redis and back.")
	perChannelDesc = desc("channel_subscribers", "Subscribers of a channel that has metrics of its own.", "channel", "kind")
	perEventsDesc  = desc("channel_events_total", "Events of a channel that has metrics of its own, since somebody subscribed to it.", "channel", "kind")
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("caddy_sse_"+name, help, labels, nil)
}

// began is since when the process counts.
var began = time.Now()

// A collector asks all gateways, of this process, for one configuration.
type collector struct{ perChannel PerChannel }

// Describe implements [prometheus.Collector].
func (*collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		publishesDesc, relaysDesc, busyDesc, openedDesc, closedDesc, openDesc, parkedDesc, deliveredDesc,
		sentDesc, bytesDesc, gapsDesc, replaysDesc, replayedDesc, malformedDesc, notUTF8Desc, undeliveredDesc, connectionsDesc, messagesDesc, readsDesc, unreadDesc,
		channelsDesc, memoryDesc, inboxDesc, pendingDesc, runsDesc, backlogDesc, redisUpDesc, probeDesc, perChannelDesc, perEventsDesc,
	} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	s := sink(to)
	s.collectCounts(gateway.ReadCounts())
	c.collectGateways(s, gateway.All())
}

// collectCounts hands on what only grows, and the subscribers that are there.
func (s sink) collectCounts(c gateway.Counts) {
	for result, n := range c.Publishes {
		s.count(publishesDesc, n, string(result))
	}
	for result, n := range c.Relays {
		s.count(relaysDesc, n, string(result))
	}
	for reason, n := range c.Busy {
		s.count(busyDesc, n, string(reason))
	}
	for t, n := range c.Opened {
		s.count(openedDesc, n, t.Protocol, t.Via)
	}
	for reason, n := range c.Closed {
		s.count(closedDesc, n, string(reason))
	}
	for t, n := range c.Open {
		s.gauge(openDesc, float64(n), t.Protocol, t.Via)
	}
	s.gauge(parkedDesc, float64(c.Parked))
	s.histogram(deliveredDesc, c.Delivered)
	for _, r := range protocol.Reasons {
		s.count(gapsDesc, int64(c.Gaps[r]), string(r))
	}
	for d, n := range map[*prometheus.Desc]uint64{
		sentDesc: c.Sent, bytesDesc: c.Written, replaysDesc: c.Replays, replayedDesc: c.Replayed,
		malformedDesc: c.Malformed, notUTF8Desc: c.NotUTF8, undeliveredDesc: c.Unmatched,
		connectionsDesc: c.Connections, messagesDesc: c.Messages, readsDesc: c.Reads, unreadDesc: c.Unread,
	} {
		s.count(d, int64(n))
	}
}

// collectGateways hands on what the gateways have now, and of single channels what they
// have counted, which may be forgotten.
func (c *collector) collectGateways(s sink, all []*gateway.Gateway) {
	var live, histories, memory, inbox, pending, backlog, runs int
	up, probe := 1.0, 0.0
	var channels []hub.ChannelStats
	for _, g := range all {
		stats, redis := g.Stats(), g.Broker.Health()
		live, histories, memory, inbox = live+stats.Live, histories+stats.Histories, memory+stats.Memory, inbox+stats.Inbox
		pending += g.Waiting()
		backlog += g.Broker.Backlog()
		runs += g.Relay.Len()
		if !redis.Up {
			up = 0
		}
		probe = max(probe, redis.RoundTrip.Seconds())
		if c.perChannel.Wants != nil {
			channels = append(channels, g.Channels(c.perChannel.Wants)...)
		}
	}
	s.gauge(channelsDesc, float64(live), "live")
	s.gauge(channelsDesc, float64(histories), "history")
	s.gauge(memoryDesc, float64(memory))
	s.gauge(inboxDesc, float64(inbox))
	s.gauge(pendingDesc, float64(pending))
	s.gauge(runsDesc, float64(runs))
	s.gauge(backlogDesc, float64(backlog))
	s.gauge(redisUpDesc, up)
	s.gauge(probeDesc, probe)
	for _, channel := range c.perChannel.choose(channels) {
		kind := "live"
		if channel.History {
			kind = "history"
		}
		s.gauge(perChannelDesc, float64(channel.Subscribers), channel.Name, kind)
		s <- prometheus.MustNewConstMetric(perEventsDesc, prometheus.CounterValue, float64(channel.Events), channel.Name, kind)
	}
}

// A sink takes metrics.
type sink chan<- prometheus.Metric

func (s sink) gauge(d *prometheus.Desc, n float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
}

// count hands on what has been counted since the process began.
func (s sink) count(d *prometheus.Desc, n int64, labels ...string) {
	s <- prometheus.MustNewConstMetricWithCreatedTimestamp(d, prometheus.CounterValue, float64(n), began, labels...)
}

func (s sink) histogram(d *prometheus.Desc, h gateway.Histogram) {
	buckets, n := make(map[float64]uint64), uint64(0)
	for i, bound := range gateway.Bounds {
		n += h.Buckets[i]
		buckets[bound.Seconds()] = n
	}
	n += h.Buckets[len(gateway.Bounds)]
	s <- prometheus.MustNewConstHistogramWithCreatedTimestamp(d, n, h.Sum.Seconds(), buckets, began)
}

var _ prometheus.Collector = (*collector)(nil)
