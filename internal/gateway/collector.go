package gateway

import (
	"cmp"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/hub"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("caddy_sse_"+name, help, labels, nil)
}

// What gateways say of themselves.
var (
	channelsDesc    = desc("channels", "Channels that have subscribers, or linger; live, or with history.", "kind")
	memoryDesc      = desc("memory_bytes", "About what the channels remember.")
	inboxDesc       = desc("inbox_bytes", "What was heard from Redis and waits to be handed to the subscribers of a core.")
	pendingDesc     = desc("pending_bytes", "What waits for subscribers to take it.")
	backlogDesc     = desc("backlog_events", "Events that wait to be stored until Redis is there.")
	sentDesc        = desc("events_sent_total", "Events that were given to subscribers.")
	bytesDesc       = desc("bytes_sent_total", "Bytes that were written to subscribers.")
	gapsDesc        = desc("gaps_total", "Subscribers that were told that they may have missed events, by the reason.", "reason")
	replaysDesc     = desc("replays_total", "Subscribers that came back to events which they had missed.")
	replayedDesc    = desc("replayed_events_total", "Events that were sent to those who had missed them.")
	malformedDesc   = desc("malformed_total", "Payloads and entries that were malformed, and delivered as far as they could be.")
	notUTF8Desc     = desc("not_utf8_total", "Payloads and entries that were not UTF-8, and delivered as they were, each time that they were heard or read.")
	undeliveredDesc = desc("published_without_entry_total", "What was published to channels with history without being in it, and reached nobody.")
	redisUpDesc     = desc("redis_up", "1 while what is published to Redis comes back.")
	connectionsDesc = desc("redis_connections_total", "Connections to Redis that have listened; all but the first are reconnections.")
	messagesDesc    = desc("redis_messages_total", "Messages that were heard from Redis.")
	readsDesc       = desc("history_reads_total", "Reads of a channel's history: to catch up, and to look.")
	unreadDesc      = desc("history_unread_total", "Replays that ended in a gap since the history could not be read in time.")
	probeDesc       = desc("redis_probe_seconds", "How long the newest probe took through Redis and back.")
	perChannelDesc  = desc("channel_subscribers", "Subscribers of a channel that has metrics of its own.", "channel", "kind")
	perEventsDesc   = desc("channel_events_total", "Events of a channel that has metrics of its own, since somebody subscribed to it.", "channel", "kind")
)

// totals are what gateways count.
type totals struct {
	hub.Stats
	bytes, undelivered, connections, messages, reads, unread uint64
}

func (t *totals) add(other totals) {
	t.Sent += other.Sent
	t.Replays += other.Replays
	t.Replayed += other.Replayed
	t.Malformed += other.Malformed
	t.NotUTF8 += other.NotUTF8
	t.bytes += other.bytes
	t.undelivered += other.undelivered
	t.connections += other.connections
	t.messages += other.messages
	t.reads += other.reads
	t.unread += other.unread
	gaps := make(map[eventstream.Reason]uint64, len(eventstream.Reasons))
	for _, r := range eventstream.Reasons {
		gaps[r] = t.Gaps[r] + other.Gaps[r]
	}
	t.Gaps = gaps
}

func (g *Gateway) totals() totals {
	redis := g.Bus.Health()
	return totals{g.Stats(), g.written.Load(), g.History.Unmatched(), redis.Connections, redis.Messages, g.History.Reads(), g.History.Unread()}
}

// ended are the totals of gateways that are no more: counters never go back.
var ended struct {
	sync.Mutex
	totals
}

// A collector asks all gateways, of this process, for one configuration.
type collector struct{ perChannel PerChannel }

// PerChannel says which channels have metrics of their own.
type PerChannel struct {
	// Wants chooses by the name; nil: none.
	Wants func(name string) bool
	// Max is how many of them have, those with the most subscribers.
	Max int
}

// Describe implements [prometheus.Collector].
func (*collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		channelsDesc, memoryDesc, inboxDesc, pendingDesc, backlogDesc, sentDesc, bytesDesc, gapsDesc, replaysDesc, replayedDesc, malformedDesc, notUTF8Desc,
		undeliveredDesc, redisUpDesc, connectionsDesc, messagesDesc, readsDesc, unreadDesc, probeDesc, perChannelDesc, perEventsDesc,
	} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, n float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n, labels...)
	}
	ended.Lock()
	all := ended.totals
	ended.Unlock()
	var live, histories, memory, inbox, pending, backlog int
	up, probe := 1.0, 0.0
	var channels []hub.ChannelStats
	for _, g := range All() {
		t := g.totals()
		all.add(t)
		live, histories, memory = live+t.Live, histories+t.Histories, memory+t.Memory
		inbox += t.Inbox
		pending += g.Waiting()
		backlog += g.Bus.Backlog()
		redis := g.Bus.Health()
		if !redis.Up {
			up = 0
		}
		probe = max(probe, redis.RoundTrip.Seconds())
		if c.perChannel.Wants != nil {
			channels = append(channels, g.Channels(c.perChannel.Wants)...)
		}
	}
	gauge(channelsDesc, float64(live), "live")
	gauge(channelsDesc, float64(histories), "history")
	gauge(memoryDesc, float64(memory))
	gauge(inboxDesc, float64(inbox))
	gauge(pendingDesc, float64(pending))
	gauge(backlogDesc, float64(backlog))
	gauge(redisUpDesc, up)
	gauge(probeDesc, probe)
	count(sentDesc, all.Sent)
	count(bytesDesc, all.bytes)
	for _, r := range eventstream.Reasons {
		count(gapsDesc, all.Gaps[r], string(r))
	}
	count(replaysDesc, all.Replays)
	count(replayedDesc, all.Replayed)
	count(malformedDesc, all.Malformed)
	count(notUTF8Desc, all.NotUTF8)
	count(undeliveredDesc, all.undelivered)
	count(connectionsDesc, all.connections)
	count(messagesDesc, all.messages)
	count(readsDesc, all.reads)
	count(unreadDesc, all.unread)
	for _, s := range c.perChannel.choose(channels) {
		kind := "live"
		if s.History {
			kind = "history"
		}
		gauge(perChannelDesc, float64(s.Subscribers), s.Name, kind)
		count(perEventsDesc, s.Events, s.Name, kind)
	}
}

// choose keeps the channels with the most subscribers. Several gateways may have
// one of the same name: then the larger counts.
func (p PerChannel) choose(channels []hub.ChannelStats) []hub.ChannelStats {
	slices.SortFunc(channels, func(a, b hub.ChannelStats) int {
		return cmp.Or(cmp.Compare(b.Subscribers, a.Subscribers), cmp.Compare(a.Name, b.Name))
	})
	type key struct {
		name    string
		history bool
	}
	seen := make(map[key]bool)
	channels = slices.DeleteFunc(channels, func(s hub.ChannelStats) bool {
		k := key{s.Name, s.History}
		again := seen[k]
		seen[k] = true
		return again
	})
	return channels[:min(len(channels), p.Max)]
}

var _ prometheus.Collector = (*collector)(nil)
