package handlers

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	sse "github.com/caddy-sse/caddy-sse/module"
)

// A pageWriter writes a page of JSON in pieces, so that nobody holds all of it. A
// client that takes nothing for [sse.DefaultWriteTimeout] is cut off.
type pageWriter struct {
	*bufio.Writer
}

// newPageWriter writes the head, as [answer] does. The caller calls end.
func newPageWriter(w http.ResponseWriter) *pageWriter {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return &pageWriter{bufio.NewWriterSize(&timedWriter{w: w, control: http.NewResponseController(w)}, 4<<10)}
}

// pieceSize is how many bytes of a string are escaped at once.
const pieceSize = 2 << 10

// text writes a JSON string, as package json does.
func (w *pageWriter) text(s string) {
	_ = w.WriteByte('"') // the writer keeps its error for Flush
	for len(s) > 0 {
		n := min(pieceSize, len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n++
		}
		b, _ := json.Marshal(s[:n]) // a string cannot fail
		_, _ = w.Write(b[1 : len(b)-1])
		s = s[n:]
	}
	_ = w.WriteByte('"')
}

// end writes the rest.
func (w *pageWriter) end() error {
	_ = w.WriteByte('\n')
	return w.Flush()
}

// abandon ends a response that is not whole, so that its client sees that.
func (w *pageWriter) abandon() { panic(http.ErrAbortHandler) }

// A timedWriter breaks off a write that takes too long.
type timedWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (t *timedWriter) Write(p []byte) (int, error) {
	// A writer without deadlines ends with its connection.
	timer := time.AfterFunc(sse.DefaultWriteTimeout, func() { _ = t.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer timer.Stop()
	return t.w.Write(p)
}
