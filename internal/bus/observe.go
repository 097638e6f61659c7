package bus

import (
	"context"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"
)

// An observer sees what becomes of every command.
type observer struct{ bus *Bus }

func (o observer) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (o observer) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		o.bus.observe(err)
		return err
	}
}

func (o observer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		// Where Redis refuses a new connection, go-redis (v9.23.0) returns so, and
		// leaves the commands as if they had succeeded.
		isMarked := slices.ContainsFunc(cmds, func(cmd redis.Cmder) bool { return cmd.Err() != nil })
		for _, cmd := range cmds {
			if !isMarked && err != nil {
				cmd.SetErr(err)
			}
			o.bus.observe(cmd.Err())
		}
		return err
	}
}

// observe draws conclusions from an error: a server that refuses to write is a
// replica, and one that sends us elsewhere a node of a cluster, though nobody may
// have been allowed to ask it; and one that refuses the credentials does so to
// every new connection, while older ones go on.
func (b *Bus) observe(err error) {
	switch CauseOf(err) {
	case CauseReplica:
		select {
		case b.demoted <- struct{}{}:
		default:
		}
	case CauseCluster:
		b.noteClustered(true)
	case CauseCredentials:
		b.noteRefused(CauseCredentials)
	}
}

// tryConnect makes a connection of its own, and reports whether Redis takes it.
func (b *Bus) tryConnect(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	client := redis.NewClient(b.client.Options())
	defer client.Close()
	if err := client.Ping(ctx).Err(); err == nil || CauseOf(err) == CauseDenied {
		b.noteRefused(CauseNone)
	}
}
