package page

import (
	"bufio"
	"encoding/json"
	"net/http"
	"time"
	"unicode/utf8"

	sse "github.com/caddy-sse/caddy-sse/module"
)

// A Writer writes a page of JSON in pieces, so that nobody holds all of it. A
// client that takes nothing for [sse.DefaultWriteTimeout] is cut off.
type Writer struct {
	*bufio.Writer
}

// NewWriter writes the head, as [answer.JSON] does. The caller calls [Writer.End].
func NewWriter(w http.ResponseWriter) *Writer {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	return &Writer{bufio.NewWriterSize(&timedWriter{w: w, control: http.NewResponseController(w)}, 4<<10)}
}

// pieceSize is how many bytes of a string are escaped at once.
const pieceSize = 2 << 10

// Text writes a JSON string, as package json does.
func (w *Writer) Text(s string) {
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

// End writes the rest.
func (w *Writer) End() error {
	_ = w.WriteByte('\n')
	return w.Flush()
}

// Abandon ends a response that is not whole, so that its client sees that.
func (w *Writer) Abandon() { panic(http.ErrAbortHandler) }

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
