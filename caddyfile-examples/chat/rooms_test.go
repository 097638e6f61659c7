package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestRooms(t *testing.T) {
	w := newWorld(t, "")
	ann, ben := w.comes("Ann"), w.comes("Ben")
	var kitchen room
	into(t, ann.ask(201, "POST", "/api/chat/rooms", `{"name": "Kitchen"}`), &kitchen)
	if kitchen.Name != "Kitchen" || kitchen.Type != "GROUP" || !kitchen.MayDelete {
		t.Errorf("the room is %+v", kitchen)
	}
	path := "/api/chat/rooms/" + kitchen.ID
	var seen room
	into(t, ben.ask(200, "GET", path, ""), &seen)
	if seen.Name != "Kitchen" || seen.MayDelete {
		t.Errorf("to Ben the room is %+v", seen)
	}
	ben.ask(403, "DELETE", path, "")
	ann.ask(403, "DELETE", "/api/chat/rooms/lobby", "")
	ann.ask(404, "DELETE", "/api/chat/rooms/nowhere", "")
	ann.ask(201, "POST", path+"/messages", `{"text": "hi"}`)

	ann.ask(200, "DELETE", path, "")
	for _, ask := range []string{"GET " + path, "GET " + path + "/messages", "POST " + path + "/messages", "DELETE " + path} {
		method, path, _ := strings.Cut(ask, " ")
		ann.ask(410, method, path, `{"text": "hi"}`)
	}
	if rooms := ann.rooms(); len(rooms) != 1 || rooms[0].ID != "lobby" {
		t.Errorf("then there are %+v", rooms)
	}
	// An EventSource that comes back does not make it again.
	ann.knock(410, path+"/subscribe?userId=1")
}

func TestDirectRooms(t *testing.T) {
	w := newWorld(t, "")
	ann, ben, cem := w.comes("Ann"), w.comes("Ben"), w.comes("Cem")
	var one, two room
	into(t, ann.ask(200, "POST", "/api/chat/users/2/rooms", ""), &one)
	into(t, ben.ask(200, "POST", "/api/chat/users/1/rooms", ""), &two)
	if one.ID != two.ID || one.Type != "DIRECT" || one.Name != "Ben" || one.With != "2" || two.Name != "Ann" {
		t.Errorf("the room of the two is %+v and %+v", one, two)
	}
	path := "/api/chat/rooms/" + one.ID
	cem.ask(403, "GET", path, "")
	cem.ask(403, "DELETE", path, "")
	cem.ask(403, "GET", path+"/messages", "")
	cem.ask(403, "POST", path+"/messages", `{"text": "hi"}`)
	cem.knock(403, path+"/subscribe?userId=3")
	cem.knock(403, path+"/presence")
	ben.knock(204, path+"/subscribe?userId=2")
	if len(cem.rooms()) != 1 || len(ben.rooms()) != 2 {
		t.Errorf("Cem sees %+v, Ben %+v", cem.rooms(), ben.rooms())
	}
	ann.ask(400, "POST", "/api/chat/users/1/rooms", "")
	ann.ask(404, "POST", "/api/chat/users/99/rooms", "")
	ann.ask(404, "POST", "/api/chat/users/x/rooms", "")

	ben.ask(200, "DELETE", path, "")
	ann.ask(410, "GET", path, "")
	into(t, ann.ask(200, "POST", "/api/chat/users/2/rooms", ""), &two)
	if one.ID == two.ID {
		t.Error("the new room is the deleted one")
	}
}

func TestGate(t *testing.T) {
	w := newWorld(t, "")
	w.comes("Ann")
	ben := w.comes("Bén 🍰")
	r := ben.knock(204, "/api/chat/rooms/garden/subscribe?userId=2")
	for name, want := range map[string]string{"X-Room-Id": "garden", "X-User-Id": "2", "X-User-Info": `{"name":"Bén 🍰"}`} {
		if got := r.Header().Get(name); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	var garden room
	into(t, ben.ask(200, "GET", "/api/chat/rooms/garden", ""), &garden)
	if garden.Name != "garden" || !garden.MayDelete {
		t.Errorf("subscribing made the room %+v", garden)
	}
	for _, path := range []string{
		"/api/chat/rooms/garden/subscribe?userId=1", "/api/chat/rooms/garden/subscribe", "/api/chat/rooms/garden/subscribe?userId=",
	} {
		ben.knock(403, path)
	}
	for _, path := range []string{
		"", "/", "/elsewhere", "/api/chat/rooms/garden", "/api/chat/rooms/nowhere/presence", "/api/chat/rooms/garden%2Fx/subscribe?userId=2",
		"/api/chat/rooms//subscribe?userId=2", "/api/chat/rooms/to:everyone/subscribe?userId=2", "/api/chat/rooms/a%20b/subscribe?userId=2",
		"/api/chat/rooms/" + strings.Repeat("a", 65) + "/subscribe?userId=2",
	} {
		ben.knock(404, path)
	}
	if n := len(ben.rooms()); n != 2 {
		t.Errorf("there are %d rooms", n)
	}
}

func TestTooManyRooms(t *testing.T) {
	w := newWorld(t, "")
	ann, ben := w.comes("Ann"), w.comes("Ben")
	for i := range maxOwnRooms {
		ann.knock(204, fmt.Sprintf("/api/chat/rooms/r%d/subscribe?userId=1", i))
	}
	ann.knock(403, "/api/chat/rooms/more/subscribe?userId=1")
	ann.ask(403, "POST", "/api/chat/rooms", `{"name": "more"}`)
	ann.ask(403, "POST", "/api/chat/users/2/rooms", "")
	ben.ask(201, "POST", "/api/chat/rooms", `{"name": "more"}`)
}
