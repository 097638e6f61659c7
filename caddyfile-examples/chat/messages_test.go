package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestMessages(t *testing.T) {
	w := newWorld(t, "")
	ann := w.comes("Ann")
	const path = "/api/chat/rooms/lobby/messages"
	var got message
	into(t, ann.ask(201, "POST", path, `{"text": " hello\n "}`), &got)
	if got.ID != 1 || got.RoomID != "lobby" || got.User != ann.user || got.Type != "MESSAGE" || got.Text != "hello" || got.To != "everyone" {
		t.Errorf("the message is %+v", got)
	}
	into(t, ann.ask(201, "POST", path, `{"text": "waves", "type": "ACTION"}`), &got)
	if got.Type != "ACTION" {
		t.Errorf("the message is %+v", got)
	}
	for body, want := range map[string]string{
		`{"text": "hi", "type": ""}`:                                   "MESSAGE",
		`{"text": "hi", "type": null}`:                                 "MESSAGE",
		`{"text": "hi", "messageType": ""}`:                            "MESSAGE",
		`{"text": "waves", "messageType": "ACTION"}`:                   "ACTION",
		`{"text": "waves", "type": "", "messageType": "ACTION"}`:       "ACTION",
		`{"text": "waves", "type": "ACTION", "messageType": "OTHERS"}`: "ACTION",
	} {
		if into(t, ann.ask(201, "POST", path, body), &got); got.Type != want {
			t.Errorf("%s is a %s", body, got.Type)
		}
	}
	ann.ask(201, "POST", path, `{"text": "`+strings.Repeat("é", 4000)+`"}`)
	for _, body := range []string{
		``, `null`, `{}`, `{"text": "  "}`, `{"text": 7}`, `hi`, `{"text": "hi", "type": "<b>"}`, `{"text": "hi", "messageType": "<b>"}`,
		`{"text": "` + strings.Repeat("é", 4001) + `"}`,
	} {
		ann.ask(400, "POST", path, body)
	}
	ann.ask(413, "POST", path, `{"text": "`+strings.Repeat("a", maxBody)+`"}`)
	ann.ask(404, "POST", "/api/chat/rooms/nowhere/messages", `{"text": "hi"}`)
	if room := ann.rooms()[0]; room.LastMessageID != 9 {
		t.Errorf("the lobby is %+v", room)
	}
}

func TestEarlierMessages(t *testing.T) {
	w := newWorld(t, "")
	ann := w.comes("Ann")
	const path = "/api/chat/rooms/lobby/messages"
	ann.knock(204, "/api/chat/rooms/other/subscribe?userId=1")
	for i := 1; i <= 60; i++ {
		ann.ask(201, "POST", path, fmt.Sprintf(`{"text": "%d"}`, i))
		ann.ask(201, "POST", "/api/chat/rooms/other/messages", `{"text": "elsewhere"}`)
	}
	for _, page := range []struct {
		query       string
		first, last int
		more        bool
	}{
		{"", 11, 60, true},
		{"?limit=20", 41, 60, true},
		{"?limit=1000", 1, 60, false},
		{"?lastMessageId=21", 1, 10, false}, // the IDs of this room are 1, 3, 5, …
		{"?lastMessageId=21&limit=10", 1, 10, false},
		{"?lastMessageId=21&limit=9", 2, 10, true},
	} {
		var got struct {
			Messages []message
			More     bool
		}
		into(t, ann.ask(200, "GET", path+page.query, ""), &got)
		for i, m := range got.Messages {
			if want := fmt.Sprint(page.first + i); m.Text != want || m.User != ann.user {
				t.Fatalf("%q: message %d is %+v, not %s", page.query, i, m, want)
			}
		}
		if n := page.last - page.first + 1; len(got.Messages) != n || got.More != page.more {
			t.Errorf("%q: %d messages, more: %t", page.query, len(got.Messages), got.More)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=x", "?lastMessageId=-1"} {
		ann.ask(400, "GET", path+query, "")
	}
}
