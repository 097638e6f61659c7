package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Members are those who are in the channel, on all gateways, those who came first
// at the front. It fails within some seconds when Redis is away.
func (p *Presence) Members(ctx context.Context, channel string) ([]Member, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	// No transaction, which a Redis whose memory is full refuses: nothing here
	// depends on one.
	pipe := p.bus.Client().Pipeline()
	now := pipe.Time(ctx)
	leases := pipe.ZRangeWithScores(ctx, gatewaysKey, 0, -1)
	in := pipe.HGetAll(ctx, inKey(channel))
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	living := alive(leases.Val(), now.Val())
	byID := make(map[string]Member)
	for field, value := range in.Val() {
		gateway, id, ok := strings.Cut(field, ":")
		if !ok || !living[gateway] {
			continue
		}
		m := parseMember(id, value)
		if other, again := byID[id]; again && !m.Since.Before(other.Since) {
			m.Since = other.Since
		}
		byID[id] = m
	}
	members := make([]Member, 0, len(byID)) // not nil, which JSON calls null
	for _, m := range byID {
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b Member) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID)) })
	return members, nil
}

// alive are the gateways that have a lease now.
func alive(leases []redis.Z, now time.Time) map[string]bool {
	gateways := make(map[string]bool, len(leases))
	for _, l := range leases {
		name, _ := l.Member.(string)
		gateways[name] = int64(l.Score) >= now.UnixMilli()
	}
	return gateways
}

// parseMember reads what is kept of a member.
func parseMember(id, value string) Member {
	since, info, _ := strings.Cut(value, " ")
	ms, _ := strconv.ParseInt(since, 10, 64) // as it was written
	return Member{id, wireTime(time.UnixMilli(ms)), json.RawMessage(info)}
}

// wireTime is a time as it is in JSON: UTC, to the millisecond.
func wireTime(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
