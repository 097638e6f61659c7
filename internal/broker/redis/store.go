package redisbroker

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

//go:embed sse_publish.lua
var publishText string

var (
	publishScript = redis.NewScript(publishText)
	// shardedScript publishes to a sharded channel: the key's own, and so in its slot.
	shardedScript = redis.NewScript(strings.Replace(publishText, "redis.pcall('PUBLISH', KEYS[1]", "redis.pcall('SPUBLISH', KEYS[1]", 1))
)

// publishScript is the script that stores and publishes.
func (b *Broker) publishScript() *redis.Script {
	if b.isSharded() {
		return shardedScript
	}
	return publishScript
}

// Store adds an entry to the channel's history, and publishes it in the same step; see
// [broker.Publisher] and sse_publish.lua.
func (b *Broker) Store(ctx context.Context, channel string, fields []string, limits broker.HistoryLimits) (id string, receivers int64, err error) {
	if b.isReplica() {
		return "", 0, typed(errReplica) // which may write all the same, for nobody
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	args := scriptArgs(fields, limits)
	var reply []any
	var unreplicated error
	err = b.at(ctx, channel, false, func(ctx context.Context, n *node) error {
		return onceMore(func() error {
			if limits.Replicas > 0 {
				reply, unreplicated, err = n.storeAndWait(ctx, channel, args, limits)
				return err
			}
			reply, err = b.publishScript().Run(ctx, n.client, []string{channel}, args...).Slice()
			return err
		})
	})
	if err != nil {
		return "", 0, typed(err)
	}
	if len(reply) == 2 {
		id, ok1 := reply[0].(string)
		receivers, ok2 := reply[1].(int64)
		if ok1 && ok2 {
			return id, receivers, unreplicated
		}
	}
	return "", 0, fmt.Errorf("the script answered %v, not an ID and a number", reply)
}

func scriptArgs(fields []string, limits broker.HistoryLimits) []any {
	args := make([]any, 0, 2+len(fields))
	args = append(args, limits.MaxLen, limits.TTL.Milliseconds())
	for _, f := range fields {
		args = append(args, f)
	}
	return args
}
