package bus

import "context"

// Publish says a payload to a channel, and returns how many of Redis' clients
// heard it: gateways, not browsers. It fails within some seconds when Redis is
// away; a payload whose answer was lost may have been heard all the same.
func (b *Bus) Publish(ctx context.Context, channel, payload string) (receivers int64, err error) {
	if b.replica.Load() {
		return 0, errReplica // which would take it, and hand it to nobody
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	err = onceMore(func() error {
		receivers, err = b.client.Publish(ctx, channel, payload).Result()
		return err
	})
	return receivers, err
}
