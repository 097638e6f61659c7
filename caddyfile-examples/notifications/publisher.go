package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	memberChannel = "notifications:" // + the member's key
	roomChannel   = "room:"          // + the post's ID
)

// publishTimeout is how long a request waits for Redis at most.
const publishTimeout = time.Second

// A publisher is all that the app has to do with Redis: one PUBLISH an event.
type publisher struct{ redis *redis.Client }

// An envelope is an event, for subscribers with `format json`.
type envelope struct {
	Event string `json:"event"`
	Data  any    `json:"data"`
	Retry int64  `json:"retry,omitempty"` // in milliseconds
}

func newPublisher(redisURL string) (*publisher, error) {
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	options.MaxRetries = -1 // the page loads what it has not heard
	options.ContextTimeoutEnabled = true
	options.DialerRetries = 1
	options.DialTimeout = publishTimeout
	return &publisher{redis.NewClient(options)}, nil
}

func (p *publisher) close() { _ = p.redis.Close() } // nothing is under way

func (p *publisher) publishNotification(ctx context.Context, memberKey string, n notification) {
	p.publish(ctx, memberChannel+memberKey, envelope{Event: "notification", Data: n})
}

func (p *publisher) publishRead(ctx context.Context, m member, ids []int64) {
	p.publish(ctx, memberChannel+m.Key, envelope{Event: "read", Data: map[string]any{"ids": ids}})
}

// publishRoom says who is active in a room: the event is named after the room,
// and browsers that hear it come back after ten seconds if they lose it.
func (p *publisher) publishRoom(ctx context.Context, room string, m member) {
	p.publish(ctx, roomChannel+room, envelope{Event: room, Data: m, Retry: 10_000})
}

// publish tells what is saved already, so that a failure is no error: it is
// logged, and pages find in the database what they have not heard.
func (p *publisher) publish(ctx context.Context, channel string, e envelope) {
	payload, err := json.Marshal(e)
	if err == nil {
		// What is saved is told, even if the client has left meanwhile.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
		defer cancel()
		err = p.redis.Publish(ctx, channel, payload).Err()
	}
	if err != nil {
		log.Printf("publishing to %s: %v", channel, err)
	}
}
