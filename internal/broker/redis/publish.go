package redisbroker

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Publish publishes a payload to a channel; see [broker.Publisher].
func (b *Broker) Publish(ctx context.Context, channel, payload string) (receivers int64, err error) {
	if b.isReplica() {
		return 0, typed(errReplica) // which would take it, and hand it to nobody
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = b.at(ctx, channel, false, func(ctx context.Context, n *node) error {
		return onceMore(func() error {
			receivers, err = n.publish(ctx, channel, payload).Result()
			return err
		})
	})
	return receivers, typed(err)
}

func (n *node) publish(ctx context.Context, channel, payload string) *redis.IntCmd {
	if n.broker.isSharded() {
		return n.client.SPublish(ctx, channel, payload)
	}
	return n.client.Publish(ctx, channel, payload)
}

// isSharded reports whether what is published to channels is sharded.
func (b *Broker) isSharded() bool { return b.cluster != nil && b.cluster.config.Sharded }

// isReplica reports whether the server is a replica, as far as is known.
func (b *Broker) isReplica() bool { return b.server != nil && b.server.replica.Load() }
