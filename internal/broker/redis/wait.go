package redisbroker

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// storeAndWait runs the script, and waits on the same connection until so many replicas
// have what was written by it. That they have not, or that it cannot be known, is no
// failure of the script.
func (n *node) storeAndWait(ctx context.Context, channel string, args []any, limits broker.HistoryLimits) (reply []any, unreplicated, err error) {
	script := n.broker.publishScript()
	run := func(do func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd) ([]any, *redis.Cmd, error) {
		pipe := n.client.Pipeline()
		stored := do(ctx, pipe, []string{channel}, args...)
		waited := pipe.Do(ctx, "WAIT", limits.Replicas, limits.WaitTimeout.Milliseconds())
		_, _ = pipe.Exec(ctx) // each command has its own error
		reply, err := stored.Slice()
		return reply, waited, err
	}
	reply, waited, err := run(script.EvalSha)
	if redis.HasErrorPrefix(err, "NOSCRIPT") {
		reply, waited, err = run(script.Eval)
	}
	if err != nil {
		return nil, nil, err
	}
	switch replicas, err := waited.Int(); {
	case err != nil:
		unreplicated = fmt.Errorf("%w: %w", broker.ErrUnreplicated, err)
	case replicas < limits.Replicas:
		unreplicated = fmt.Errorf("%w: %d of %d after %s", broker.ErrUnreplicated, replicas, limits.Replicas, limits.WaitTimeout)
	}
	return reply, unreplicated, nil
}
