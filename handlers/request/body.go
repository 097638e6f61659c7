package request

import (
	"errors"
	"net/http"
	"time"
)

// ErrBody is the reason for which a GET or HEAD request with a body is refused.
var ErrBody = errors.New("the request must not have a body")

// CheckNoBody reports whether a GET or HEAD request has no body, or expects to send
// one: over HTTP/1.1 Go's server reads it to its end before the header of the
// answer goes out, however long that takes. If it has one, nothing of it is
// waited for, and the connection ends with the answer.
//
// Over HTTP/3 the length is unknown unless the client tells it, and nothing waits
// for the body.
func CheckNoBody(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 && r.Header.Get("Expect") == "" || r.ContentLength < 0 && r.ProtoMajor == 3 {
		return nil
	}
	if r.ProtoMajor == 1 {
		w.Header().Set("Connection", "close")
		control := http.NewResponseController(w)
		// A writer that can do neither is none of Go's server.
		_ = control.EnableFullDuplex()
		_ = control.SetReadDeadline(time.Unix(1, 0))
	}
	return ErrBody
}
