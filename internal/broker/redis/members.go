package redisbroker

import (
	"context"
	"embed"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// Members are kept in Redis as
//
//	sse.presence.gateways      a sorted set: gateways, and when their leases end
//	sse.presence.in:<channel>  a hash: <gateway>:<member>, and since when, and info
//	sse.presence.by:<gateway>  a set: the channels that the gateway has members in
//
// A script's keys have to be in one slot of a cluster. There the channels are in 16
// partitions, of which each has all of these, with {<partition>}. after sse.presence. in
// their names, from {00}. to {15}.

// partitionCount is how many partitions there are in a cluster.
const partitionCount = 16

// A partition is the part of a cluster that keeps the members of some channels, as what
// its keys begin with.
type partition string

// whole is the only partition where there is no cluster.
const whole partition = "sse.presence."

func (p partition) gateways() string { return string(p) + "gateways" }

func (p partition) in(channel string) string { return string(p) + "in:" + channel }

func (p partition) by(gateway string) string { return string(p) + "by:" + gateway }

// partitionOf is where a channel's members are kept.
func (b *Broker) partitionOf(channel string) partition {
	all := b.partitions()
	hash := fnv.New32a()
	hash.Write([]byte(channel))
	return all[hash.Sum32()%uint32(len(all))] //nolint:gosec // there are few
}

var clusterPartitions = func() (all []partition) {
	for i := range partitionCount {
		all = append(all, partition(fmt.Sprintf("%s{%02d}.", whole, i)))
	}
	return all
}()

func (b *Broker) partitions() []partition {
	if b.cluster != nil {
		return clusterPartitions
	}
	return []partition{whole}
}

// inEach does something in each partition at once, and fails if all do: one whose master
// is away must not hold up the others.
func (b *Broker) inEach(do func(p partition) error) error {
	all := b.partitions()
	if len(all) == 1 {
		return do(all[0])
	}
	errs := make([]error, len(all))
	var work sync.WaitGroup
	for i, p := range all {
		work.Go(func() { errs[i] = do(p) })
	}
	work.Wait()
	if slices.Contains(errs, nil) {
		return nil
	}
	return errs[0]
}

// scanBatch is about how many members one step of a scan looks at.
const scanBatch = 1000

// memberRights is what a user needs for it.
const memberRights = "it takes ~sse.presence.* and the commands that docs/redis.md names"

//go:embed members/*.lua
var memberTexts embed.FS

// The scripts run in one step each, so that two gateways cannot both say that
// somebody came first, or left last.
var (
	enterScript = memberScript("enter")
	leaveScript = memberScript("leave")
	renewScript = memberScript("renew")
	reapScript  = memberScript("reap")
	buryScript  = memberScript("bury")
	scanScript  = memberScript("scan")
	deadScript  = memberScript("dead")
)

func memberScript(name string) *redis.Script {
	text := ""
	for _, part := range []string{"common", name} {
		read, err := memberTexts.ReadFile("members/" + part + ".lua")
		if err != nil {
			panic(err) // it is embedded
		}
		text += string(read)
	}
	return redis.NewScript(text)
}

// runScript runs a script within the time that an answer may take.
func (b *Broker) runScript(ctx context.Context, s *redis.Script, keys []string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	var reply *redis.Cmd
	err := b.members(ctx, keys[0], func(ctx context.Context, n *node) error {
		reply = s.Run(ctx, n.client, keys, args...)
		return reply.Err()
	})
	if reply == nil {
		reply = redis.NewCmd(ctx)
	}
	reply.SetErr(needing(memberRights, err))
	return reply
}

// members does something with members, which is harmless to do again. It does not wait
// for a master of a cluster that is away: there are many.
func (b *Broker) members(ctx context.Context, key string, do func(context.Context, *node) error) error {
	if b.cluster != nil && b.cluster.isNodeAway(key) {
		b.cluster.askAll()
		return &broker.Error{Cause: broker.CauseUnreachable, OfChannel: true, Err: errNodeAway}
	}
	return b.at(ctx, key, true, do)
}

// Renew renews a gateway's lease; see [broker.Members].
func (b *Broker) Renew(ctx context.Context, gateway string, lease time.Duration) (wasHeld bool, dead []string, err error) {
	var mu sync.Mutex
	wasHeld = true
	err = b.inEach(func(p partition) error {
		reply, err := b.runScript(ctx, renewScript, []string{p.gateways()}, gateway, lease.Milliseconds()).Slice()
		if err != nil {
			return err
		}
		if len(reply) == 0 {
			return typed(fmt.Errorf("the script answered %v", reply))
		}
		mu.Lock()
		defer mu.Unlock()
		for _, name := range reply[1:] {
			if name, ok := name.(string); ok && name != gateway && !slices.Contains(dead, name) {
				dead = append(dead, name)
			}
		}
		wasHeld = wasHeld && reply[0] == int64(1)
		return nil
	})
	return wasHeld && err == nil, dead, err
}

// Dead are gateways whose leases have ended; see [broker.Members].
func (b *Broker) Dead(ctx context.Context) ([]string, error) {
	var mu sync.Mutex
	var dead []string
	err := b.inEach(func(p partition) error {
		names, err := b.runScript(ctx, deadScript, []string{p.gateways()}).StringSlice()
		mu.Lock()
		defer mu.Unlock()
		for _, name := range names {
			if !slices.Contains(dead, name) {
				dead = append(dead, name)
			}
		}
		return err
	})
	return dead, err
}

// Enter adds members to a channel; see [broker.Members].
func (b *Broker) Enter(ctx context.Context, gateway, channel string, members []broker.Entering) error {
	args := []any{gateway, channel}
	for _, m := range members {
		args = append(args, m.ID, strconv.FormatInt(m.Since.UnixMilli(), 10)+" "+m.Info, m.Joined)
	}
	p := b.partitionOf(channel)
	return b.runScript(ctx, enterScript, []string{p.in(channel), p.gateways(), p.by(gateway)}, args...).Err()
}

// Leave takes members out of a channel; see [broker.Members].
func (b *Broker) Leave(ctx context.Context, gateway, channel string, members []string, isEmpty bool, left string) error {
	args := []any{gateway, channel, left, isEmpty}
	for _, m := range members {
		args = append(args, m)
	}
	p := b.partitionOf(channel)
	return b.runScript(ctx, leaveScript, []string{p.in(channel), p.gateways(), p.by(gateway)}, args...).Err()
}

// Reap takes out all members of a dead gateway; see [broker.Members].
func (b *Broker) Reap(ctx context.Context, gateway string, left func(channel string) string) error {
	return b.inEach(func(p partition) error {
		channels, err := b.channelsOf(ctx, p, gateway)
		if err != nil {
			return err
		}
		for _, channel := range channels {
			keys := []string{p.in(channel), p.gateways(), p.by(gateway)}
			if err := b.runScript(ctx, reapScript, keys, gateway, channel, left(channel)).Err(); err != nil {
				return err
			}
		}
		return b.runScript(ctx, buryScript, []string{p.gateways(), p.by(gateway)}, gateway).Err()
	})
}

func (b *Broker) channelsOf(ctx context.Context, p partition, gateway string) (channels []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = b.members(ctx, p.by(gateway), func(ctx context.Context, n *node) (err error) {
		channels, err = n.client.SMembers(ctx, p.by(gateway)).Result()
		return err
	})
	return channels, needing(memberRights, err)
}

// Scan lists members step by step, and without their infos, of which there may be 1024
// bytes for each; see [broker.Members].
func (b *Broker) Scan(ctx context.Context, channel string, each func(m broker.MemberRef, since time.Time)) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	p := b.partitionOf(channel)
	living, err := b.living(ctx, p)
	if err != nil {
		return err
	}
	for cursor := "0"; ; {
		reply, err := b.runScript(ctx, scanScript, []string{p.in(channel)}, cursor, scanBatch).StringSlice()
		if err != nil {
			return err
		}
		if len(reply)%2 != 1 {
			return typed(fmt.Errorf("the script answered %d texts", len(reply)))
		}
		for i := 1; i < len(reply); i += 2 {
			gateway, id, ok := strings.Cut(reply[i], ":")
			if !ok || !living[gateway] {
				continue
			}
			since, _ := strconv.ParseInt(reply[i+1], 10, 64) // as it was written
			each(broker.MemberRef{Gateway: gateway, ID: id}, time.UnixMilli(since))
		}
		if cursor = reply[0]; cursor == "0" {
			return nil
		}
	}
}

// living are the gateways that have a lease now.
func (b *Broker) living(ctx context.Context, p partition) (map[string]bool, error) {
	var now *redis.TimeCmd
	var leases *redis.ZSliceCmd
	err := b.members(ctx, p.gateways(), func(ctx context.Context, n *node) error {
		pipe := n.client.Pipeline()
		now = pipe.Time(ctx)
		leases = pipe.ZRangeWithScores(ctx, p.gateways(), 0, -1)
		_, err := pipe.Exec(ctx)
		return err
	})
	if err != nil {
		return nil, needing(memberRights, err)
	}
	living := make(map[string]bool, len(leases.Val()))
	for _, l := range leases.Val() {
		name, _ := l.Member.(string)
		living[name] = int64(l.Score) >= now.Val().UnixMilli()
	}
	return living, nil
}

// Infos reads what is kept of members; see [broker.Members].
func (b *Broker) Infos(ctx context.Context, channel string, members []broker.MemberRef) (map[broker.MemberRef]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	fields := make([]string, len(members))
	for i, m := range members {
		fields[i] = m.Gateway + ":" + m.ID
	}
	var values []any
	key := b.partitionOf(channel).in(channel)
	err := b.members(ctx, key, func(ctx context.Context, n *node) (err error) {
		values, err = n.client.HMGet(ctx, key, fields...).Result()
		return err
	})
	if err != nil {
		return nil, needing(memberRights, err)
	}
	infos := make(map[broker.MemberRef]string, len(values))
	for i, value := range values {
		if text, ok := value.(string); ok {
			_, infos[members[i]], _ = strings.Cut(text, " ")
		}
	}
	return infos, nil
}
