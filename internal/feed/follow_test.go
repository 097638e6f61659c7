package feed_test

import (
	"errors"
	"testing"

	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/broker/fake"
	"github.com/caddy-sse/caddy-sse/internal/feed"
	"github.com/caddy-sse/caddy-sse/internal/hub"
)

// What a follower is told, whatever happens to the history and to the connection.
func TestFollow(t *testing.T) {
	t.Parallel()
	loading := &broker.Error{Cause: broker.CauseLoading, Err: errors.New("LOADING")}
	away := func(meanwhile func(*fake.Broker)) func(*fake.Broker) {
		return func(b *fake.Broker) { b.Disconnect(); meanwhile(b); b.Connect() }
	}
	add := func(ms ...uint64) func(*fake.Broker) { return func(b *fake.Broker) { b.Add("c", ms...) } }
	for name, test := range map[string]struct {
		isSilent bool // no watcher is told
		then     func(*fake.Broker)
		want     string
	}{
		"entries":                              {false, add(60, 70), "60, 70"},
		"entries, and a doorbell":              {true, func(b *fake.Broker) { b.Add("c", 60); b.Publish("c", "x") }, "60"},
		"the script's own words":               {true, func(b *fake.Broker) { b.Publish("c", "\x00sse1 60-0 50-0 4 1\ndatax") }, "60"},
		"what the script said after a gap":     {true, func(b *fake.Broker) { b.Add("c", 60, 70); b.Publish("c", "\x00sse1 70-0 60-0 4 1\ndatax") }, "60, 70"},
		"entries while away":                   {false, away(add(60, 70)), "60, 70"},
		"the last is gone, older ones are not": {false, away(func(b *fake.Broker) { b.Add("c", 60); b.Delete("c", 50) }), "60"},
		"trimmed while away":                   {false, away(func(b *fake.Broker) { b.Add("c", 60, 70, 80); b.Trim("c", 2) }), "gap trimmed 69, 70, 80"},
		"removed while away":                   {false, away(func(b *fake.Broker) { b.Remove("c") }), "gap reset 0"},
		"removed, and begun anew while away":   {false, away(func(b *fake.Broker) { b.Remove("c"); b.Add("c", 60) }), "gap reset 59, 60"},
		"removed, while each is told":          {false, func(b *fake.Broker) { b.Remove("c"); b.Add("c", 60) }, "60"},
		"a server that has not got so far":     {false, away(func(b *fake.Broker) { b.Remove("c"); b.Add("c", 10, 20) }), "gap reset 20"},
		"denied":                               {false, func(b *fake.Broker) { b.FailReads(denied); b.Add("c", 60) }, "unreadable true"},
		"loading, which passes":                {false, func(b *fake.Broker) { b.FailReads(loading); b.Add("c", 60); b.FailReads(nil) }, "60"},
		"slow": {false, func(b *fake.Broker) {
			release := b.Hold()
			b.Add("c", 60)
			b.Add("c", 70)
			release()
		}, "60, 70"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := fake.New()
			b.Notify(!test.isSilent)
			b.Add("c", 10, 20, 30, 40, 50)
			f := feed.New(b, zap.NewNop)
			f.Start(hub.New(f, 1))
			t.Cleanup(f.Close)
			r := newRecorder()
			f.Follow("c", r)
			b.Connect()
			r.await(t, "begin 50")
			test.then(b)
			r.await(t, test.want)
		})
	}
}

// A history that was refused is said to be readable again as soon as it is.
func TestReadableAgain(t *testing.T) {
	t.Parallel()
	b := fake.New()
	b.Notify(true)
	f := feed.New(b, zap.NewNop)
	f.Start(hub.New(f, 1))
	t.Cleanup(f.Close)
	r := newRecorder()
	f.Follow("c", r)
	b.Connect()
	r.await(t, "begin 0")
	b.FailReads(denied)
	b.Add("c", 10)
	r.await(t, "unreadable true")
	if why := f.Refused(); why == "" {
		t.Error("nothing is said to be refused")
	}
	b.FailReads(nil)
	b.Add("c", 20)
	r.await(t, "readable, 10, 20")
	if why := f.Refused(); why != "" {
		t.Errorf("it is still refused: %s", why)
	}
}
