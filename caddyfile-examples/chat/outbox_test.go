package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// What is said while Redis is away is published when it is back, in order.
func TestOutbox(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "redis.sock") // which needs no port
	w := newWorld(t, "unix://"+socket)
	ann := w.comes("Ann")
	const path = "/api/chat/rooms/lobby/messages"
	for _, body := range []string{`{"text": "one"}`, `{"text": "two"}`} {
		if late := ann.ask(201, "POST", path, body).Header().Get("Sse-Publish"); late != "later" {
			t.Errorf("without Redis the answer says %q", late)
		}
	}
	client := startRedis(t, socket)
	go w.outbox.run(t.Context())
	length := func(n int64) func() bool {
		return func() bool { return client.XLen(t.Context(), "chat:lobby").Val() == n }
	}
	await(t, "what was said meanwhile", length(2))
	await(t, "the outbox to work", func() bool { return !w.outbox.failing.Load() })
	if late, said := ann.ask(201, "POST", path, `{"text": "three"}`).Header()["Sse-Publish"]; said {
		t.Errorf("with Redis the answer says %q", late)
	}
	if !length(3)() {
		t.Error("what was said is not published when it is answered")
	}

	var texts, bells []string
	for _, entry := range client.XRange(t.Context(), "chat:lobby", "-", "+").Val() {
		texts = append(texts, entry.Values["data"].(string)[:8])
		if entry.Values["event"] != nil {
			t.Errorf("a message has the type %v", entry.Values["event"])
		}
	}
	if want := []string{`{"id":1,`, `{"id":2,`, `{"id":3,`}; !slices.Equal(texts, want) {
		t.Errorf("the channel has %q", texts)
	}
	for _, entry := range client.XRange(t.Context(), "chat:to:everyone", "-", "+").Val() {
		bells = append(bells, entry.Values["event"].(string)+" "+entry.Values["data"].(string))
	}
	if want := `room.changed {"roomId":"lobby","lastMessageId":3}`; len(bells) != 3 || bells[2] != want {
		t.Errorf("the bells are %q", bells)
	}
	// Of a deleted room nothing stays: neither what was said in it, nor the room.
	var room room
	into(t, ann.ask(201, "POST", "/api/chat/rooms", `{"name": "Kitchen"}`), &room)
	ann.ask(201, "POST", "/api/chat/rooms/"+room.ID+"/messages", `{"text": "a secret"}`)
	ann.ask(200, "DELETE", "/api/chat/rooms/"+room.ID, "")
	entries := client.XRange(t.Context(), "chat:"+room.ID, "-", "+").Val()
	if len(entries) != 1 || entries[0].Values["event"] != roomDeleted {
		t.Errorf("a deleted room has %v in Redis", entries)
	}
	if ttl := client.TTL(t.Context(), "chat:"+room.ID).Val(); ttl <= 0 || ttl > tellFor {
		t.Errorf("a deleted room is in Redis for %s", ttl)
	}
	if ttl := client.TTL(t.Context(), "chat:to:everyone").Val(); ttl > 0 {
		t.Errorf("everyone's bell is in Redis for %s", ttl)
	}

	var left int
	if err := w.db.QueryRow(`SELECT count(*) FROM outbox`).Scan(&left); err != nil || left != 0 {
		t.Error(left, "events are left", err)
	}
}

func startRedis(t *testing.T, socket string) *redis.Client {
	t.Helper()
	server := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", t.TempDir(), "--save", "")
	if err := server.Start(); err != nil {
		t.Fatal(err, ": `make tools` installs it")
	}
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, Protocol: 2})
	t.Cleanup(func() {
		client.Close()
		_ = server.Process.Kill() // the test is over
		_ = server.Wait()
	})
	await(t, "Redis", func() bool { return client.Ping(t.Context()).Err() == nil })
	return client
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain for ", what)
		}
	}
}
