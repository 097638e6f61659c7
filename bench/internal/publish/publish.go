// Package publish sends messages at a steady pace, by whatever a server takes
// them with.
package publish

import "context"

// A Message is what is published at once.
type Message struct {
	Channel string
	Payload []byte
}

// A Publisher publishes messages one after another, in one go if it can.
type Publisher interface {
	Publish(ctx context.Context, messages []Message) error
}
