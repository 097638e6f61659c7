package eventstream_test

import (
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

func ExampleEvent() {
	e := eventstream.Event{ID: "17", Type: "like", Data: "first line\nsecond line", Retry: 10 * time.Second}
	fmt.Printf("%s", e.Append(nil))
	// Output:
	// retry: 10000
	// id: 17
	// event: like
	// data: first line
	// data: second line
}

// A frame has the bytes of an event, and around them those of an HTTP/1.1 chunk.
func ExampleFrame() {
	f := eventstream.Event{Data: "hello"}.Frame()
	fmt.Printf("%q\n%q\n", f.Bytes(), f.Chunk())
	// Output:
	// "data: hello\n\n"
	// "d\r\ndata: hello\n\n\r\n"
}

func ExampleRetryFrame() {
	fmt.Printf("%q\n%q\n", eventstream.RetryFrame(3*time.Second).Bytes(), eventstream.Heartbeat.Bytes())
	// Output:
	// "retry: 3000\n\n"
	// ":\n"
}
