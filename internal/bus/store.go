package bus

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed sse_publish.lua
var publishText string

var publishScript = redis.NewScript(publishText)

// StreamLimits are how much of a Redis stream stays.
type StreamLimits struct {
	// MaxLen is about how many entries; Redis drops the oldest in whole nodes,
	// so that there may be a hundred more. 0 keeps all.
	MaxLen int64
	// TTL is how long after the newest entry the whole history expires, in whole
	// milliseconds. 0 leaves it as it is: without a TTL it lives for ever.
	TTL time.Duration
}

// Store adds an entry to the channel's history, and says it to the channel in
// the same step; see sse_publish.lua. The fields are names and values in turn, 2
// to 1000 texts. It returns the entry's ID, and how many of Redis' clients heard
// it: gateways, not browsers.
//
// It fails within some seconds when Redis is away; an entry whose answer was
// lost may have been stored all the same. See also [Denied] and [NotHistory].
func (b *Bus) Store(ctx context.Context, channel string, fields []string, limits StreamLimits) (id string, receivers int64, err error) {
	if b.replica.Load() {
		return "", 0, errReplica // which may write all the same, for nobody
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	args := scriptArgs(fields, limits)
	var reply []any
	err = onceMore(func() error {
		reply, err = publishScript.Run(ctx, b.client, []string{channel}, args...).Slice()
		return err
	})
	if err != nil {
		return "", 0, err
	}
	if len(reply) == 2 {
		id, ok1 := reply[0].(string)
		receivers, ok2 := reply[1].(int64)
		if ok1 && ok2 {
			return id, receivers, nil
		}
	}
	return "", 0, fmt.Errorf("the script answered %v, not an ID and a number", reply)
}

func scriptArgs(fields []string, limits StreamLimits) []any {
	args := make([]any, 0, 2+len(fields))
	args = append(args, limits.MaxLen, limits.TTL.Milliseconds())
	for _, f := range fields {
		args = append(args, f)
	}
	return args
}
