package redisbroker

import (
	"context"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// An observer sees what becomes of every command.
type observer struct{ node *node }

func (o observer) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (o observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if isAsking(ctx) && !isHandshake(cmd) {
			pipe := o.node.client.Pipeline()
			_ = pipe.Process(ctx, cmd) // which only takes it
			_, _ = pipe.Exec(ctx)      // each command has its own error
			return cmd.Err()
		}
		err := next(ctx, cmd)
		o.node.observe(err)
		return err
	}
}

func (o observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if isAsking(ctx) && !slices.ContainsFunc(cmds, isHandshake) {
			cmds = askFirst(ctx, cmds)
		}
		err := next(ctx, cmds)
		// Where Redis refuses a new connection, go-redis (v9.23.0) returns so, and
		// leaves the commands as if they had succeeded.
		isMarked := slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil })
		for _, cmd := range cmds {
			if !isMarked && err != nil {
				cmd.SetErr(err)
			}
			o.node.observe(cmd.Err())
		}
		return err
	}
}

// observe draws conclusions from an error: a server that refuses to write is a
// replica, and one that sends us elsewhere a node of a cluster, though nobody may
// have been allowed to ask it; and one that refuses the credentials does so to
// every new connection, while older ones go on.
func (n *node) observe(err error) {
	switch causeOf(err) {
	case broker.CauseReplica:
		n.demoted.Set()
	case broker.CauseCluster:
		n.noteClustered(true)
	case broker.CauseCredentials:
		n.noteRefused(broker.CauseCredentials)
	}
}

// tryConnect makes a connection of its own, and reports whether Redis takes it.
func (n *node) tryConnect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client := redis.NewClient(n.client.Options())
	defer client.Close()
	if err := client.Ping(ctx).Err(); err == nil || causeOf(err) == broker.CauseDenied {
		n.noteRefused(broker.CauseNone)
	}
}
