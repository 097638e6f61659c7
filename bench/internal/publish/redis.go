package publish

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Redis publishes with PUBLISH: one command that waits for its reply, or a
// pipeline of several.
type Redis struct {
	Client *redis.Client
	// Channel is the name of a message's channel, in which {channel} stands for
	// the bench's own name for it. Default: that name.
	Channel string
}

// Publish implements [Publisher].
func (r Redis) Publish(ctx context.Context, messages []Message) error {
	if len(messages) == 1 {
		return r.Client.Publish(ctx, fill(r.Channel, messages[0]), messages[0].Payload).Err()
	}
	_, err := r.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, m := range messages {
			pipe.Publish(ctx, fill(r.Channel, m), m.Payload)
		}
		return nil
	})
	return err
}
