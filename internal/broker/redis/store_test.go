package redisbroker_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/broker/embedded"
	. "github.com/caddy-sse/caddy-sse/internal/broker/redis"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// speaker is a broker that only speaks.
func speaker(t *testing.T, o Settings) *Broker {
	t.Helper()
	b := New(o, zap.NewNop)
	t.Cleanup(b.Close)
	return b
}

// hear returns a function that waits for the next payload of the channel.
func hear(t *testing.T, addr, channel string) func() string {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	t.Cleanup(func() { _ = client.Close() })
	pubsub := client.Subscribe(t.Context(), channel)
	t.Cleanup(func() { _ = pubsub.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	t.Cleanup(cancel)
	if _, err := pubsub.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	return func() string {
		t.Helper()
		message, err := pubsub.ReceiveMessage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return message.Payload
	}
}

func hearStored(t *testing.T, next func() string) protocol.Stored {
	t.Helper()
	payload := next()
	stored, ok := protocol.ParseStored(payload)
	if !ok {
		t.Fatalf("heard %q", payload)
	}
	return stored
}

var all = broker.Page{Limit: 100_000}

func testStore(t *testing.T, addr string) {
	b := speaker(t, Settings{Address: addr})
	next := hear(t, addr, "chat")
	previous := "0-0"
	var want []string
	for _, fields := range [][]string{
		{"data", "hello"},
		{"data", "", "event", "like", "", "no name"},
		{"data", "a\r\nb\x00\xff 1 2\n", "data", "again", "ü", "🦆"},
		slices.Repeat([]string{"n", "v"}, 500),
	} {
		id, receivers, err := b.Store(t.Context(), "chat", fields, broker.HistoryLimits{})
		if err != nil || receivers != 1 {
			t.Fatalf("%.40q: %d heard it: %v", fields, receivers, err)
		}
		got := hearStored(t, next)
		if got.ID.String() != id || got.Previous.String() != previous || !slices.Equal(got.Fields, fields) {
			t.Errorf("after %s, heard %+.80v as %s", previous, got, id)
		}
		previous = id
		want = append(want, fmt.Sprintf("%s %q", id, fields))
	}
	entries, err := b.Entries(t.Context(), "chat", all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, fmt.Sprintf("%s %q", e.ID, e.Fields))
	}
	if !slices.Equal(got, want) {
		t.Errorf("the history is %.200q", got)
	}
}

func TestStore(t *testing.T) {
	t.Parallel()
	testStore(t, redistest.Start(t).Addr)
}

func TestStoreInTheEmbeddedServer(t *testing.T) {
	t.Parallel()
	addr := startEmbedded(t)
	testStore(t, addr)
	b := speaker(t, Settings{Address: addr})
	for range 10 {
		if _, _, err := b.Store(t.Context(), "few", []string{"data", "x"}, broker.HistoryLimits{MaxLen: 3, TTL: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if entries, err := b.Entries(t.Context(), "few", all); err != nil || len(entries) != 3 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	testStoreRefuses(t, addr)
}

func startEmbedded(t *testing.T) string {
	t.Helper()
	addr := redistest.FreeAddr(t)
	server, err := embedded.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return addr
}

func TestKeep(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	b := speaker(t, Settings{Address: server.Addr})
	client := server.Client()
	store := func(channel string, limits broker.HistoryLimits) {
		t.Helper()
		if _, _, err := b.Store(t.Context(), channel, []string{"data", "x"}, limits); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		store("trimmed", broker.HistoryLimits{MaxLen: 100})
		store("whole", broker.HistoryLimits{})
	}
	if n := client.XLen(t.Context(), "trimmed").Val(); n < 100 || n >= 250 {
		t.Errorf("%d entries are kept, not about 100", n)
	}
	if n := client.XLen(t.Context(), "whole").Val(); n != 1000 {
		t.Errorf("%d entries are kept, not all", n)
	}
	if ttl := client.PTTL(t.Context(), "whole").Val(); ttl != -1 {
		t.Errorf("the history expires in %s", ttl)
	}
	for _, ttl := range []time.Duration{time.Minute, time.Hour, 0} {
		store("expires", broker.HistoryLimits{TTL: ttl})
		if ttl == 0 {
			ttl = time.Hour // as it was
		}
		if got := client.PTTL(t.Context(), "expires").Val(); got <= ttl-time.Minute || got > ttl {
			t.Errorf("the history expires in %s, not in %s", got, ttl)
		}
	}
	store("gone", broker.HistoryLimits{TTL: time.Millisecond})
	redistest.Await(t, "its end", func() bool { return client.Exists(t.Context(), "gone").Val() == 0 })
}

// However many write: what is heard after an entry is the one that follows.
func TestStoreKeepsOrder(t *testing.T) {
	t.Parallel()
	const writers, each = 8, 250
	server := redistest.Start(t)
	b := speaker(t, Settings{Address: server.Addr})
	next := hear(t, server.Addr, "chat")
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				if _, _, err := b.Store(t.Context(), "chat", []string{"data", fmt.Sprint(w, " ", i)}, broker.HistoryLimits{MaxLen: 1000}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer writing.Wait()
	var last protocol.EntryID
	for range writers * each {
		stored := hearStored(t, next)
		if stored.Previous != last || stored.ID.Compare(last) <= 0 {
			t.Fatalf("%s after %s was heard after %s", stored.ID, stored.Previous, last)
		}
		last = stored.ID
	}
}

// badArguments are what sse_publish refuses after the channel, and why.
var badArguments = []struct {
	why  string
	args []any
}{
	{"how many entries to keep", nil},
	{"how many entries to keep", []any{"-1", "0", "data", "x"}},
	{"how many entries to keep", []any{"1e3", "0", "data", "x"}},
	{"how many entries to keep", []any{"01", "0", "data", "x"}},
	{"how many entries to keep", []any{"1000000000000000", "0", "data", "x"}},
	{"how many milliseconds", []any{"0", "", "data", "x"}},
	{"how many milliseconds", []any{"0", "1.5", "data", "x"}},
	{"names and values in turn", []any{"0", "0"}},
	{"names and values in turn", []any{"0", "0", "data"}},
	{"names and values in turn", []any{"0", "0", "data", "x", "event"}},
	{"at most 1000", append([]any{"0", "0"}, slices.Repeat([]any{"x"}, 1002)...)},
}

func testStoreRefuses(t *testing.T, addr string) {
	b := speaker(t, Settings{Address: addr})
	client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	defer client.Close()
	text := readFile(t, "sse_publish.lua")
	for _, bad := range badArguments {
		err := client.Eval(t.Context(), text, []string{"refused"}, bad.args...).Err()
		if err == nil || !strings.HasPrefix(err.Error(), "ERR sse_publish: ") || !strings.Contains(err.Error(), bad.why) {
			t.Errorf("%.40v: %v", bad.args, err)
		}
	}
	if err := client.Eval(t.Context(), text, []string{"a", "b"}, "0", "0", "data", "x").Err(); err == nil || !strings.Contains(err.Error(), "one key") {
		t.Errorf("two keys: %v", err)
	}
	for _, limits := range []broker.HistoryLimits{{MaxLen: -1}, {TTL: -time.Second}} {
		if _, _, err := b.Store(t.Context(), "refused", []string{"data", "x"}, limits); err == nil {
			t.Errorf("%+v was taken", limits)
		}
	}
	if n := client.Exists(t.Context(), "refused", "a").Val(); n != 0 {
		t.Error("what was refused was stored")
	}
	client.Set(t.Context(), "text", "x", 0)
	if _, _, err := b.Store(t.Context(), "text", []string{"data", "x"}, broker.HistoryLimits{}); broker.CauseOf(err) != broker.CauseWrongType || broker.Denied(err) {
		t.Errorf("storing in a text: %v", err)
	}
	if _, err := b.Entries(t.Context(), "text", all); broker.CauseOf(err) != broker.CauseWrongType || broker.Denied(err) {
		t.Errorf("reading a text: %v", err)
	}
}

func TestStoreRefuses(t *testing.T) {
	t.Parallel()
	testStoreRefuses(t, redistest.Start(t).Addr)
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The function is the script, word by word, and does the same.
func TestFunctionIsTheScript(t *testing.T) {
	t.Parallel()
	script, function := readFile(t, "sse_publish.lua"), readFile(t, "sse_function.lua")
	head, ok := strings.CutSuffix(function, script+"end)\n")
	if !ok || !strings.HasPrefix(head, "#!lua name=caddy_sse\n") || !strings.HasSuffix(head, "\nredis.register_function('sse_publish', function(KEYS, ARGV)\n") {
		t.Fatalf("sse_function.lua is not the script between its first lines and its last, but\n%s", function)
	}
	for _, line := range strings.Split(strings.TrimSuffix(head, "\n"), "\n")[1:] {
		if !strings.HasPrefix(line, "--") && !strings.HasPrefix(line, "redis.register_function") {
			t.Errorf("there is more before the script: %s", line)
		}
	}

	server := redistest.Start(t)
	client := server.Client()
	server.Do("FUNCTION", "LOAD", function)
	server.Do("SET", "text", "x")
	byScript := func(channel string, args ...any) (any, error) {
		return client.Eval(t.Context(), script, []string{channel}, args...).Result()
	}
	byFunction := func(channel string, args ...any) (any, error) {
		return client.FCall(t.Context(), "sse_publish", []string{channel}, args...).Result()
	}
	heard := map[string]func() string{"script": hear(t, server.Addr, "script"), "function": hear(t, server.Addr, "function")}
	var results [2][]string
	for i, channel := range []string{"script", "function"} {
		call := []func(string, ...any) (any, error){byScript, byFunction}[i]
		previous := "0-0"
		for _, args := range [][]any{
			{"0", "0", "data", "hello"},
			{"100", "60000", "data", "", "event", "a\x00\xff\n"},
		} {
			reply, err := call(channel, args...)
			list, _ := reply.([]any)
			if err != nil || len(list) != 2 {
				t.Fatalf("by %s: %v %v", channel, reply, err)
			}
			stored := hearStored(t, heard[channel])
			if stored.ID.String() != list[0] || stored.Previous.String() != previous {
				t.Errorf("by %s: heard %+v after %s for %v", channel, stored, previous, reply)
			}
			previous = stored.ID.String()
			results[i] = append(results[i], fmt.Sprintf("%q %v", stored.Fields, list[1]))
		}
		for _, bad := range badArguments {
			_, err := call(channel, bad.args...)
			results[i] = append(results[i], fmt.Sprint(err))
		}
		_, err := call("text", "0", "0", "data", "x")
		results[i] = append(results[i], fmt.Sprint(err))
		results[i] = append(results[i], fmt.Sprint(client.XLen(t.Context(), channel).Val(), client.PTTL(t.Context(), channel).Val() > 0))
	}
	if !slices.Equal(results[0], results[1]) {
		t.Errorf("the script: %q\nthe function: %q", results[0], results[1])
	}
}

// The rules that the script's text names are enough, and without one of them
// Redis denies it.
func TestStoreByACL(t *testing.T) {
	t.Parallel()
	server, options := withACL(t)
	b := speaker(t, options)
	store := func(channel string) error {
		_, _, err := b.Store(t.Context(), channel, []string{"data", "x"}, broker.HistoryLimits{MaxLen: 10, TTL: time.Minute})
		return err
	}
	rules := strings.Fields("+evalsha +eval +xrevrange +xadd +pexpire +publish")
	if !strings.Contains(readFile(t, "sse_publish.lua"), strings.Join(rules, " ")) {
		t.Error("the script's text names other rules")
	}
	set := func(more ...string) {
		args := []any{"ACL", "SETUSER", "gateway", "-@all", "resetkeys", "resetchannels", "~chat:*", "&chat:*"}
		for _, rule := range slices.Concat(rules, more) {
			args = append(args, rule)
		}
		server.Do(args...)
	}
	set()
	if err := store("chat:1"); err != nil {
		t.Fatal(err)
	}
	for _, rule := range rules {
		set("-" + rule[1:])
		if rule == "+eval" {
			server.Do("SCRIPT", "FLUSH")
		}
		if err := store("chat:1"); !broker.Denied(err) || broker.CauseOf(err) == broker.CauseWrongType {
			t.Errorf("without %s: %v", rule, err)
		}
		set()
		if err := store("chat:1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := store("other:1"); !broker.Denied(err) {
		t.Errorf("another key: %v", err)
	}
	set("~other:*")
	if err := store("other:1"); !broker.Denied(err) {
		t.Errorf("another channel: %v", err)
	}
	if _, err := b.Entries(t.Context(), "chat:1", broker.Page{Limit: 1, Oldest: true}); !broker.Denied(err) {
		t.Errorf("reading without +xrange: %v", err)
	}
}

func TestStoreWithoutRedis(t *testing.T) {
	t.Parallel()
	b := speaker(t, Settings{Address: redistest.Stopped(t).Addr})
	if _, _, err := b.Store(t.Context(), "chat", []string{"data", "x"}, broker.HistoryLimits{}); err == nil || broker.Denied(err) || broker.CauseOf(err) == broker.CauseWrongType {
		t.Errorf("storing: %v", err)
	}
	if _, err := b.Entries(t.Context(), "chat", all); err == nil || broker.Denied(err) || broker.CauseOf(err) == broker.CauseWrongType {
		t.Errorf("reading: %v", err)
	}
}
