package presence

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// scanBatch is about how many members one step looks at.
	scanBatch = 1000
	// fetchBatch is how many of those that are listed are read at once.
	fetchBatch = 200
)

// A List is those who are in a channel, on all gateways.
type List struct {
	// Count is how many they are.
	Count int

	presence *Presence
	channel  string
	first    []memberField // who came first, in that order
}

// A memberField is the field of the hash that holds a member.
type memberField struct {
	field, id string
	since     int64 // in Unix milliseconds
}

func (a memberField) compare(b memberField) int {
	return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.id, b.id))
}

// List looks who is in the channel, step by step and without their infos, of which
// there may be 1024 bytes for each. Those who came first, limit at most, can be read
// by [List.Members]. It fails within some seconds when Redis is away.
func (p *Presence) List(ctx context.Context, channel string, limit int) (*List, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client := p.bus.Client()
	pipe := client.Pipeline()
	now := pipe.Time(ctx)
	leases := pipe.ZRangeWithScores(ctx, gatewaysKey, 0, -1)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, err
	}
	living := alive(leases.Val(), now.Val())
	byID := make(map[string]memberField)
	for cursor := "0"; ; {
		reply, err := scanScript.Run(ctx, client, []string{inKey(channel)}, cursor, scanBatch).StringSlice()
		if err != nil {
			return nil, err
		}
		if len(reply)%2 != 1 {
			return nil, fmt.Errorf("the script answered %d texts", len(reply))
		}
		for i := 1; i < len(reply); i += 2 {
			gateway, id, ok := strings.Cut(reply[i], ":")
			if !ok || !living[gateway] {
				continue
			}
			since, _ := strconv.ParseInt(reply[i+1], 10, 64) // as it was written
			s := memberField{reply[i], id, since}
			if other, again := byID[id]; again {
				s.since = min(s.since, other.since)
			}
			byID[id] = s
		}
		if cursor = reply[0]; cursor == "0" {
			break
		}
	}
	first := slices.SortedFunc(maps.Values(byID), memberField.compare)
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
		fields := make([]string, len(next))
		for i, s := range next {
			fields[i] = s.field
		}
		values, err := l.presence.bus.Client().HMGet(ctx, inKey(l.channel), fields...).Result()
		if err != nil {
			return nil, err
		}
		for i, value := range values {
			if text, ok := value.(string); ok {
				m := parseMember(next[i].id, text)
				m.Since = wireTime(time.UnixMilli(next[i].since))
				members = append(members, m)
			}
		}
		l.first = l.first[len(next):]
	}
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
