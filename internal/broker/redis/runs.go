package redisbroker

import (
	"context"
	"embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// runRights is what a user needs for runs.
const runRights = "it takes ~sse.relay.* and the commands that docs/redis.md names"

//go:embed runs/*.lua
var runTexts embed.FS

// A runScript is one as it stands, and as it publishes to sharded channels.
type runScript struct{ whole, sharded *redis.Script }

var (
	acquireRunScript = newRunScript("acquire")
	appendRunScript  = newRunScript("append")
	lookAtRunScript  = newRunScript("look")
	stopRunScript    = newRunScript("stop")
)

func newRunScript(name string) runScript {
	text := ""
	for _, part := range []string{"common", name} {
		read, err := runTexts.ReadFile("runs/" + part + ".lua")
		if err != nil {
			panic(err) // it is embedded
		}
		text += string(read)
	}
	return runScript{redis.NewScript(text), redis.NewScript(strings.ReplaceAll(text, "'PUBLISH'", "'SPUBLISH'"))}
}

// runKeys are the channel's, and that of the lease of its run, which is in the same slot.
func runKeys(channel string) []string {
	lease := "sse.relay." + channel
	if slotOf(lease) != slotOf(channel) {
		lease = "sse.relay.{" + channel + "}"
	}
	return []string{channel, lease}
}

// run runs a script about the channel's run within the time that an answer may take.
func (b *Broker) run(ctx context.Context, s runScript, channel string, args ...any) *redis.Cmd {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	reply := redis.NewCmd(ctx)
	if b.isReplica() {
		reply.SetErr(typed(errReplica))
		return reply
	}
	script := s.whole
	if b.isSharded() {
		script = s.sharded
	}
	err := b.at(ctx, channel, true, func(ctx context.Context, n *node) error {
		return onceMore(func() error {
			reply = script.Run(ctx, n.client, runKeys(channel), args...)
			return reply.Err()
		})
	})
	reply.SetErr(needing(runRights, err))
	return reply
}

// AcquireRun takes the lease of the channel's run; see [broker.Runs].
func (b *Broker) AcquireRun(ctx context.Context, channel string, by broker.RunHolder) (lease broker.RunLease, err error) {
	reply, err := b.run(ctx, acquireRunScript, channel, by.Token, by.Lease.Milliseconds(), by.Keep.Milliseconds()).Slice()
	if err != nil {
		return lease, err
	}
	texts := make([]string, len(reply))
	for i, value := range reply {
		texts[i] = fmt.Sprint(value)
	}
	isID := false
	if len(texts) == 3 {
		lease.Newest, isID = protocol.ParseEntryID(texts[2])
	}
	switch {
	case !isID:
	case texts[0] == "0":
		lease.IsHeld = true
		lease.Start, _ = protocol.ParseEntryID(texts[1]) // or it is -, and there is none
		return lease, nil
	default:
		if lease.Now, err = strconv.ParseUint(texts[1], 10, 64); err == nil {
			return lease, nil
		}
	}
	return lease, typed(fmt.Errorf("the script answered %v", reply))
}

// AppendRun adds to the channel's run; see [broker.Runs].
func (b *Broker) AppendRun(ctx context.Context, channel string, batch *broker.RunBatch) error {
	start, what, payload, newest := "-", "", "", ""
	if batch.Start != (protocol.EntryID{}) {
		start = batch.Start.String()
	}
	switch {
	case batch.Release:
		what = "release"
	case batch.Renew:
		what = "renew"
	}
	if n := len(batch.Entries); n > 0 {
		payload, newest = protocol.StoredPayload(batch.Previous, batch.Entries), batch.Entries[n-1].ID.String()
	}
	args := []any{
		batch.Token, batch.Lease.Milliseconds(), batch.Keep.Milliseconds(), start, batch.Previous.String(), batch.MaxLen,
		batch.TTL.Milliseconds(), what, payload, newest, len(batch.Lost),
	}
	args = appendTexts(args, batch.Lost)
	for _, e := range batch.Entries {
		args = appendTexts(append(args, e.ID.String(), len(e.Fields)), e.Fields)
	}
	reply, err := b.run(ctx, appendRunScript, channel, args...).StringSlice()
	switch {
	case err != nil:
		return err
	case len(reply) == 1 && reply[0] == "ok":
		return nil
	case len(reply) == 1 && reply[0] == "fenced":
		return broker.ErrRunFenced
	case len(reply) == 1 && reply[0] == "stopped":
		return broker.ErrRunStopped
	case len(reply) == 2 && reply[0] == "behind":
		if id, ok := protocol.ParseEntryID(reply[1]); ok {
			return &broker.RunBehindError{Newest: id}
		}
	}
	return typed(fmt.Errorf("the script answered %v", reply))
}

func appendTexts(args []any, texts []string) []any {
	for _, text := range texts {
		args = append(args, text)
	}
	return args
}

// LookAtRun looks at the lease of the channel's run; see [broker.Runs].
func (b *Broker) LookAtRun(ctx context.Context, channel string) (left time.Duration, err error) {
	ms, err := b.run(ctx, lookAtRunScript, channel).Int64()
	return time.Duration(ms) * time.Millisecond, err
}

// StopRun stops the channel's run; see [broker.Runs].
func (b *Broker) StopRun(ctx context.Context, channel, token string) (stopped string, err error) {
	return b.run(ctx, stopRunScript, channel, token).Text()
}

// Readers counts who receives the channel; see [broker.Runs].
func (b *Broker) Readers(ctx context.Context, channel string) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = b.at(ctx, channel, true, func(ctx context.Context, node *node) error {
		count := node.client.PubSubNumSub
		if b.isSharded() {
			count = node.client.PubSubShardNumSub
		}
		all, err := count(ctx, channel).Result()
		n = all[channel]
		return err
	})
	return n, needing(runRights, err)
}
