package redisbroker

import (
	"context"
	"math"
	"slices"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Entries reads a page of the channel's history; see [broker.Archive]. It fails within
// some seconds when Redis is away.
func (b *Broker) Entries(ctx context.Context, channel string, p broker.Page) ([]protocol.Entry, error) {
	if p.After == (protocol.EntryID{Ms: math.MaxUint64, Seq: math.MaxUint64}) {
		return nil, nil // there is no ID after it, and Redis refuses to look for one
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	first, last := "-", "+"
	if p.After != (protocol.EntryID{}) {
		first = "(" + p.After.String()
	}
	if p.Before != (protocol.EntryID{}) {
		last = "(" + p.Before.String()
	}
	args := []any{"XREVRANGE", channel, last, first, "COUNT", p.Limit}
	if p.Oldest {
		args = []any{"XRANGE", channel, first, last, "COUNT", p.Limit}
	}
	var reply []any
	err := b.at(ctx, channel, true, func(ctx context.Context, n *node) (err error) {
		reply, err = n.client.Do(ctx, args...).Slice()
		return err
	})
	if err != nil {
		return nil, typed(err)
	}
	entries, err := parseEntries(reply)
	if !p.Oldest {
		slices.Reverse(entries)
	}
	return entries, typed(err)
}

// HasHistory reports whether the channel has a history, which is a Redis stream of its
// name.
func (b *Broker) HasHistory(ctx context.Context, channel string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var kind string
	err := b.at(ctx, channel, true, func(ctx context.Context, n *node) (err error) {
		kind, err = n.client.Type(ctx, channel).Result()
		return err
	})
	return kind == "stream", typed(err)
}
