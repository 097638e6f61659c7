package main

import (
	"context"
	"sync"

	"github.com/redis/go-redis/v9"
)

// waiting is how many events may wait for a subscriber; more are lost to it.
const waiting = 64

// A fanOut gives what is published to a Go channel for each subscriber.
type fanOut struct {
	pubSub *redis.PubSub

	mu          sync.RWMutex
	subscribers map[string]map[chan string]struct{}
}

func newFanOut(ctx context.Context, client *redis.Client) *fanOut {
	f := &fanOut{pubSub: client.Subscribe(ctx), subscribers: make(map[string]map[chan string]struct{})}
	go f.run()
	return f
}

func (f *fanOut) run() {
	for message := range f.pubSub.Channel() {
		f.mu.RLock()
		for payloads := range f.subscribers[message.Channel] {
			select {
			case payloads <- message.Payload:
			default:
			}
		}
		f.mu.RUnlock()
	}
}

func (f *fanOut) join(ctx context.Context, channel string) (chan string, error) {
	payloads := make(chan string, waiting)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.subscribers[channel] == nil {
		f.subscribers[channel] = make(map[chan string]struct{})
		if err := f.pubSub.Subscribe(ctx, channel); err != nil {
			return nil, err
		}
	}
	f.subscribers[channel][payloads] = struct{}{}
	return payloads, nil
}

// leave forgets a subscriber, but stays subscribed: it is the bench's process,
// and does not live long.
func (f *fanOut) leave(channel string, payloads chan string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers[channel], payloads)
}
