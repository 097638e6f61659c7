package protocol_test

import (
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// Format json: what an app publishes with PUBLISH.
func ExampleParseEnvelope() {
	e, err := protocol.ParseEnvelope(`{"event": "like", "data": {"post": 7}, "id": "17", "retry": 10000}`)
	fmt.Printf("%s%v\n", e.Append(nil), err)

	_, err = protocol.ParseEnvelope(`{"data": "hi", "user": "ann"}`)
	fmt.Println(err)
	// Output:
	// retry: 10000
	// id: 17
	// event: like
	// data: {"post":7}
	//
	// <nil>
	// an envelope has no "user": only event, data, id and retry
}

func ExampleEnvelope() {
	fmt.Println(protocol.Envelope(eventstream.Event{Type: "like", Data: "hi", Retry: time.Second}))
	// Output: {"event":"like","data":"hi","retry":1000}
}

// An entry of a Redis stream: XADD chat:42 * data hi event message
func ExampleEntry() {
	id, _ := protocol.ParseEntryID("1526919030474-55")
	e, err := protocol.Entry{ID: id, Fields: []string{"data", "hi", "event", "message"}}.Event(protocol.View{})
	fmt.Printf("%s%v\n", e.Append(nil), err)
	// Output:
	// id: 1526919030474-55
	// event: message
	// data: hi
	//
	// <nil>
}

func ExampleFields() {
	fmt.Printf("%q\n", protocol.Fields(eventstream.Event{Type: "message", Data: "hi"}))
	// Output: ["data" "hi" "event" "message"]
}

// What the publishing script publishes with the entry that it stores: the entry's ID, that
// of the one before it, and the lengths of its names and values.
func ExampleParseStored() {
	s, ok := protocol.ParseStored("\x00sse1 1526919030474-55 1526919030474-54 4 2 5 7\ndatahieventmessage")
	fmt.Println(s.ID, s.Previous, s.Fields, ok)
	// Output: 1526919030474-55 1526919030474-54 [data hi event message] true
}

// What gateways publish to each other of the moment, such as who enters a channel.
func ExampleSignal() {
	fmt.Printf("%q\n", protocol.Signal{Type: "sse.join", Data: `{"id":"ann"}`}.Payload())
	// Output: "\x00sse1! sse.join\n{\"id\":\"ann\"}"
}

// A client may write an ID as Redis' commands take it.
func ExampleParseShortEntryID() {
	long, _ := protocol.ParseShortEntryID("1526919030474-55")
	short, _ := protocol.ParseShortEntryID("1526919030474")
	fmt.Println(long, short, short.Before())
	// Output: 1526919030474-55 1526919030474-0 1526919030473-18446744073709551615
}

// The ID of every event that a subscriber of several channels gets: where it is in each.
func ExampleVector() {
	tags := protocol.ChannelTags([]string{"chat:1", "chat:2"})
	v := protocol.Vector{
		{Tag: tags[0], ID: protocol.EntryID{Ms: 1526919030474, Seq: 55}},
		{Tag: tags[1], ID: protocol.EntryID{Ms: 1526919030474}},
	}
	fmt.Println(v)

	read, _ := protocol.ParseVector(v.String())
	fmt.Println(read.At(tags[0]))
	// Output:
	// ~4vtWODd2bK!3.tWqWODd2bK
	// 1526919030474-55 true
}

func ExampleGap() {
	g := protocol.Gap{Channel: "chat:42", Reason: protocol.Trimmed, From: "5-0", To: "9-0"}
	fmt.Printf("%s", g.Frame("9-0").Bytes())
	// Output:
	// id: 9-0
	// event: sse.gap
	// data: {"channel":"chat:42","reason":"trimmed","from":"5-0","to":"9-0","channels":["chat:42"]}
}

func ExampleBusyFrame() {
	fmt.Printf("%s", protocol.BusyFrame(protocol.BusyPerIP, 6*time.Second).Bytes())
	// Output:
	// retry: 6000
	// event: sse.busy
	// data: {"reason":"subscribers_per_ip"}
}

func ExampleAwayFrame() {
	fmt.Printf("%s", protocol.AwayFrame(time.Date(2026, 11, 24, 15, 4, 5, 0, time.UTC)).Bytes())
	// Output:
	// event: sse.away
	// data: {"since":"2026-11-24T15:04:05.000Z"}
}
