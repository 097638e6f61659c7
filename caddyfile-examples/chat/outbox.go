package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// keep is about how many events Redis keeps of each channel, for those who come
	// back. Older messages are in the database.
	keep = 1000
	// tellFor is how long a deleted room is in Redis, with its last event alone.
	tellFor = time.Minute
)

// An outbox holds what is to be published, in order, in the same database as the
// messages: what is saved is published, if not now, then later. Who hears an
// event twice, because the app crashed in between, knows it by the message's ID.
type outbox struct {
	db    *sql.DB
	redis *redis.Client // nil: the gateway publishes

	mu      sync.Mutex // one publishes at a time, so that the order stays
	failing atomic.Bool
}

func newOutbox(db *sql.DB, redisURL string) (*outbox, error) {
	if redisURL == "" {
		return &outbox{db: db}, nil
	}
	options, err := redis.ParseURL(redisURL)
	if err != nil {
		return nil, errors.New("REDIS_URL is none, like redis://127.0.0.1:6379") // it may hold a password
	}
	options.MaxRetries = -1 // the outbox tries again
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout = time.Second, time.Second, time.Second
	return &outbox{db: db, redis: redis.NewClient(options)}, nil
}

func (o *outbox) close() {
	if o.redis != nil {
		_ = o.redis.Close() // nothing is under way
	}
}

// put adds an event to a transaction. Without a type it is a message event.
func (o *outbox) put(ctx context.Context, tx *sql.Tx, channel, event string, data any) error {
	if o.redis == nil {
		return nil
	}
	b, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outbox (channel, event, data) VALUES (?, ?, ?)`, channel, event, string(b))
	return err
}

// send publishes what is there. If that fails, the header says that it will be
// done later, and run does it.
func (o *outbox) send(ctx context.Context, header http.Header) {
	if o.redis == nil {
		return
	}
	if o.failing.Load() || o.publish(ctx) != nil {
		header.Set("Sse-Publish", "later")
	}
}

// run publishes what could not be published at once, also before the app ended.
func (o *outbox) run(ctx context.Context) {
	if o.redis == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		_ = o.publish(ctx) // it has logged, and is tried again
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// publish is all that the app has to do with Redis: one XADD an event, which is
// taken out of the outbox once Redis has it.
func (o *outbox) publish(ctx context.Context) (err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() {
		if failing := err != nil; ctx.Err() == nil && o.failing.Swap(failing) != failing {
			log.Print("publishing to Redis: ", cmp.Or(err, errors.New("it works again")))
		}
	}()
	for {
		events, err := all(ctx, o.db, readPending, `SELECT id, channel, event, data FROM outbox ORDER BY id LIMIT 100`)
		if err != nil || len(events) == 0 {
			return err
		}
		_, err = o.redis.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, e := range events {
				if e.isLast() {
					pipe.XAdd(ctx, &redis.XAddArgs{Stream: e.channel, MaxLen: 1, Values: e.fields()})
					pipe.Expire(ctx, e.channel, tellFor)
				} else {
					pipe.XAdd(ctx, &redis.XAddArgs{Stream: e.channel, MaxLen: keep, Approx: true, Values: e.fields()})
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if _, err := o.db.ExecContext(ctx, `DELETE FROM outbox WHERE id <= ?`, events[len(events)-1].id); err != nil {
			return err
		}
	}
}

type pending struct {
	id                   int64
	channel, event, data string
}

func readPending(r row) (p pending, err error) {
	return p, r.Scan(&p.id, &p.channel, &p.event, &p.data)
}

// isLast reports whether the channel's room ends with the event.
func (p pending) isLast() bool {
	return p.event == roomDeleted && !strings.HasPrefix(p.channel, bells)
}

// fields are those of a Redis stream's entry, as the gateway reads them.
func (p pending) fields() []string {
	if p.event == "" {
		return []string{"data", p.data}
	}
	return []string{"event", p.event, "data", p.data}
}
