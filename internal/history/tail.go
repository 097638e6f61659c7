package history

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

//go:embed tail.lua
var tailText string

var tailScript = redis.NewScript(tailText)

// tail is the entry that the newest n come after, or that there are no more than
// these.
func (r *backfillReader) tail(n int) (id eventstream.EntryID, isAll bool, err error) {
	step := r.back
	at, left := "+", n+1
	for left > 0 && !isAll {
		before := left
		at, left, isAll, err = step(at, left)
		if isAnswer(err) && left == before {
			// The script is denied, or Redis is full: read, and drop what was read.
			step = r.backByReading
			at, left, isAll, err = step(at, left)
		}
		if err != nil {
			return id, false, err
		}
	}
	id, _ = eventstream.ParseEntryID(strings.TrimPrefix(at, "("))
	return id, isAll, nil
}

// back goes back some entries, by the script.
func (r *backfillReader) back(at string, n int) (to string, left int, isEnd bool, err error) {
	reply, err := tailScript.Run(r.ctx, r.client, []string{r.channel.name}, at, n).Slice()
	if err != nil {
		return at, n, false, err
	}
	if len(reply) == 3 {
		to, ok1 := reply[0].(string)
		left, ok2 := reply[1].(int64)
		if ok1 && ok2 {
			return to, int(left), reply[2] == int64(1), nil
		}
	}
	return at, n, false, fmt.Errorf("the script answered %v", reply)
}

func (r *backfillReader) backByReading(at string, n int) (to string, left int, isEnd bool, err error) {
	count := min(n, r.count())
	reply, err := r.client.Do(r.ctx, "XREVRANGE", r.channel.name, at, "-", "COUNT", count).Slice()
	if err != nil {
		return at, n, false, err
	}
	entries, err := bus.ParseEntries(reply)
	if err != nil || len(entries) == 0 {
		return at, n, err == nil, err
	}
	r.channel.measure(entries)
	return "(" + entries[len(entries)-1].ID.String(), n - len(entries), len(reply) < count, nil
}
