package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

const (
	// fetchBatch is how many of those that are listed are read at once.
	fetchBatch = 200
	// answerTimeout is how long reading them may take.
	answerTimeout = 3 * time.Second
)

// A List is those who are in a channel, on all gateways.
type List struct {
	// Count is how many they are.
	Count int

	presence *Presence
	channel  string
	first    []listed // who came first, in that order
}

// A listed member is in the channel by one gateway at least.
type listed struct {
	broker.MemberRef           // of one of them
	since            time.Time // by the first of them
}

func (a listed) compare(b listed) int {
	return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.ID, b.ID))
}

// List looks who is in the channel. Those who came first, limit at most, can be read
// by [List.Members]. It fails within some seconds when the broker is away.
func (p *Presence) List(ctx context.Context, channel string, limit int) (*List, error) {
	byID := make(map[string]listed)
	err := p.broker.Scan(ctx, channel, func(ref broker.MemberRef, since time.Time) {
		m := listed{ref, since}
		if other, again := byID[ref.ID]; again && other.since.Before(m.since) {
			m.since = other.since
		}
		byID[ref.ID] = m
	})
	if err != nil {
		return nil, err
	}
	first := slices.SortedFunc(maps.Values(byID), listed.compare)
	l := &List{Count: len(first), presence: p, channel: channel}
	l.first = slices.Clone(first[:min(len(first), limit)])
	return l, nil
}

// Members reads the next members; none at the end. Who has left since is left out.
func (l *List) Members(ctx context.Context) ([]Member, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	members := make([]Member, 0, fetchBatch)
	for len(l.first) > 0 && len(members) == 0 {
		next := l.first[:min(len(l.first), fetchBatch)]
		refs := make([]broker.MemberRef, len(next))
		for i, m := range next {
			refs[i] = m.MemberRef
		}
		infos, err := l.presence.broker.Infos(ctx, l.channel, refs)
		if err != nil {
			return nil, err
		}
		for _, m := range next {
			if info, ok := infos[m.MemberRef]; ok {
				members = append(members, Member{m.ID, wireTime(m.since), json.RawMessage(info)})
			}
		}
		l.first = l.first[len(next):]
	}
	return members, nil
}

// wireTime is a time as it is in JSON: UTC, to the millisecond.
func wireTime(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
