package redisbroker

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// readRights is what a user needs to read a history.
const readRights = "it takes +xrange +xrevrange +xinfo|stream and the key"

// Read reads histories in one pipeline; see [broker.Histories]. It is never a
// transaction: a Redis whose memory is full refuses to queue commands
// (https://redis.io/docs/latest/develop/reference/eviction/), but not to read.
func (b *Broker) Read(ctx context.Context, reads []broker.Read, isMarked bool) []broker.Snapshot {
	if b.cluster != nil {
		return b.readCluster(ctx, reads)
	}
	snapshots := make([]broker.Snapshot, len(reads))
	for i, reply := range b.server.read(ctx, reads, isMarked) {
		snap, err := reply.parse(&reads[i])
		snap.Err = needing(readRights, err)
		snapshots[i] = snap
	}
	return snapshots
}

// read reads in one pipeline, of which each command has its own error.
func (n *node) read(ctx context.Context, reads []broker.Read, isMarked bool) []snapshotReply {
	pipe := n.patient(ctx).Pipeline()
	replies := make([]snapshotReply, len(reads))
	for i := range reads {
		replies[i].ask(ctx, pipe, &reads[i])
	}
	probe := &n.broker.notifier.probe
	var m *mark
	if isMarked {
		m = probe.mark(ctx, pipe)
	}
	_, _ = pipe.Exec(ctx)
	if m != nil {
		m.await(ctx)
		probe.unmark(m)
	}
	return replies
}

// readCluster reads at all nodes at once, and what a node has sent elsewhere there.
func (b *Broker) readCluster(ctx context.Context, reads []broker.Read) []broker.Snapshot {
	snapshots := make([]broker.Snapshot, len(reads))
	var work sync.WaitGroup
	for n, indexes := range b.cluster.byOwner(len(reads), func(i int) string { return reads[i].Channel }) {
		work.Go(func() {
			again := indexes
			if n != nil {
				own := make([]broker.Read, len(indexes))
				for k, i := range indexes {
					own[k] = reads[i]
				}
				again = nil
				for k, reply := range n.read(ctx, own, false) {
					i := indexes[k]
					snap, err := reply.parse(&reads[i])
					snap.Err = needing(readRights, err)
					snapshots[i] = snap
					if to, _, _ := redirectionOf(err); to != settled {
						again = append(again, i)
					}
				}
			}
			for _, i := range again {
				err := b.at(ctx, reads[i].Channel, true, func(ctx context.Context, n *node) (err error) {
					snapshots[i], err = n.read(ctx, reads[i:i+1], false)[0].parse(&reads[i])
					return err
				})
				snapshots[i].Err = needing(readRights, err)
			}
		})
	}
	work.Wait()
	return snapshots
}

// patient is a client that waits for answers as long as the context allows.
func (n *node) patient(ctx context.Context) *redis.Client {
	if end, ok := ctx.Deadline(); ok {
		if left := time.Until(end); left > answerTimeout {
			return n.client.WithTimeout(left)
		}
	}
	return n.client
}

// A snapshotReply is what Redis answers, part by part; nil where it was not asked.
type snapshotReply struct{ before, entries, after *redis.Cmd }

func (s *snapshotReply) ask(ctx context.Context, pipe redis.Pipeliner, r *broker.Read) {
	if r.InfoBefore {
		s.before = pipe.Do(ctx, "XINFO", "STREAM", r.Channel)
	}
	if r.Count > 0 {
		first, last := "-", "+"
		if r.From != (protocol.EntryID{}) {
			first = r.From.String()
			// Redis refuses to look for what comes after the last ID of all.
			if r.After && r.From != (protocol.EntryID{Ms: math.MaxUint64, Seq: math.MaxUint64}) {
				first = "(" + first
			}
		}
		if r.Before != (protocol.EntryID{}) {
			last = "(" + r.Before.String()
		}
		if r.Newest {
			s.entries = pipe.Do(ctx, "XREVRANGE", r.Channel, last, first, "COUNT", r.Count)
		} else {
			s.entries = pipe.Do(ctx, "XRANGE", r.Channel, first, last, "COUNT", r.Count)
		}
	}
	if r.InfoAfter {
		s.after = pipe.Do(ctx, "XINFO", "STREAM", r.Channel)
	}
}

func (s *snapshotReply) parse(r *broker.Read) (snap broker.Snapshot, err error) {
	if s.before != nil {
		if snap.Before, err = parseInfo(s.before.Result()); err != nil {
			return snap, err
		}
	}
	if s.entries != nil {
		reply, err := s.entries.Slice()
		if err != nil {
			return snap, err
		}
		if snap.Entries, err = parseEntries(reply); err != nil {
			return snap, err
		}
		snap.IsFull = len(reply) == r.Count
		if r.Newest {
			slices.Reverse(snap.Entries)
		}
	}
	if s.after != nil {
		snap.Info, err = parseInfo(s.after.Result())
	}
	return snap, err
}

// Length is how many entries the channel's history has; see [broker.Histories].
func (b *Broker) Length(ctx context.Context, channel string) (int64, error) {
	var length int64
	err := b.at(ctx, channel, true, func(ctx context.Context, n *node) (err error) {
		length, err = n.patient(ctx).XLen(ctx, channel).Result()
		return err
	})
	return length, needing(readRights, err)
}

//go:embed back.lua
var backText string

var backScript = redis.NewScript(backText)

// Back goes back in a history by a script; see [broker.Histories].
func (b *Broker) Back(ctx context.Context, channel string, before protocol.EntryID, n int) (to protocol.EntryID, left int, isStart bool, err error) {
	at := "+"
	if before != (protocol.EntryID{}) {
		at = "(" + before.String()
	}
	var reply []any
	err = b.at(ctx, channel, true, func(ctx context.Context, server *node) (err error) {
		reply, err = backScript.Run(ctx, server.patient(ctx), []string{channel}, at, n).Slice()
		return err
	})
	if err != nil {
		return before, n, false, needing(readRights, err)
	}
	if len(reply) == 3 {
		text, ok1 := reply[0].(string)
		left, ok2 := reply[1].(int64)
		if ok1 && ok2 {
			to, _ = protocol.ParseEntryID(strings.TrimPrefix(text, "(")) // or it is still the end
			return to, int(left), reply[2] == int64(1), nil
		}
	}
	return before, n, false, typed(fmt.Errorf("the script answered %v", reply))
}

// parseInfo reads the answer to XINFO STREAM; a Redis stream that does not exist
// is an empty one.
//
// go-redis' own reading (XInfoStream) takes an answer without entries-added, as Redis 6
// gives it, for one that says 0, and makes a map of an entry's fields, in which those of
// the same name are lost, and with them the entry's size.
func parseInfo(reply any, err error) (*broker.Info, error) {
	i := &broker.Info{Added: -1}
	if err != nil {
		if strings.Contains(err.Error(), "no such key") {
			i.Added = 0
			return i, nil
		}
		return nil, err
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, fmt.Errorf("redis answered %v to XINFO STREAM", reply)
	}
	for n := 0; n+1 < len(list); n += 2 {
		value := list[n+1]
		switch list[n] {
		case "length":
			i.Length, _ = value.(int64)
		case "entries-added":
			i.Added, _ = value.(int64)
		case "last-generated-id":
			i.Top = idIn(value)
		case "max-deleted-entry-id":
			i.MaxDeleted = idIn(value)
		case "first-entry":
			i.First = idOfEntry(value)
			i.EntrySize = sizeOfEntry(value)
		case "last-entry":
			i.TopIsThere = idOfEntry(value) == i.Top
			i.EntrySize = max(i.EntrySize, sizeOfEntry(value))
		}
	}
	if i.Length == 0 && i.Top == (protocol.EntryID{}) && i.Added < 0 {
		return nil, errors.New("redis answered XINFO STREAM without last-generated-id")
	}
	return i, nil
}

func idIn(reply any) protocol.EntryID {
	text, _ := reply.(string)
	id, _ := protocol.ParseEntryID(text)
	return id
}

func idOfEntry(reply any) protocol.EntryID {
	if entry, ok := reply.([]any); ok && len(entry) > 0 {
		return idIn(entry[0])
	}
	return protocol.EntryID{}
}

func sizeOfEntry(reply any) int64 {
	entries, err := parseEntries([]any{reply})
	if err != nil || len(entries) == 0 {
		return 0
	}
	return int64(broker.SizeOf(entries[0]))
}
