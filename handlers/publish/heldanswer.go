package publish

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

// A heldAnswer keeps back a handler's answer of status 2xx until it is released.
// Any other goes through at once, and so does an event stream, which its client reads as
// it comes, and one that is too large, from the byte on that shows it.
type heldAnswer struct {
	*caddyhttp.ResponseWriterWrapper
	max int64
	// Called before the header of one goes out that is too large, or a stream.
	tooLarge, streams func()

	status   int // 0: none yet
	body     bytes.Buffer
	released bool
}

func holdAnswer(w http.ResponseWriter, most int64, tooLarge, streams func()) *heldAnswer {
	return &heldAnswer{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, max: most, tooLarge: tooLarge, streams: streams}
}

// isKept reports whether there is an answer that is kept back.
func (a *heldAnswer) isKept() bool { return !a.released && a.status != 0 }

// release writes what is kept back; the rest goes through.
func (a *heldAnswer) release() error {
	if a.released || a.status == 0 {
		return nil
	}
	a.released = true
	a.ResponseWriterWrapper.WriteHeader(a.status)
	if a.body.Len() == 0 {
		return nil
	}
	_, err := a.ResponseWriterWrapper.Write(a.body.Bytes())
	a.body = bytes.Buffer{}
	return err
}

func (a *heldAnswer) WriteHeader(status int) {
	switch {
	case a.status != 0:
	case status < 200: // an interim answer, or another protocol
		a.ResponseWriterWrapper.WriteHeader(status)
	default:
		a.status = status
		if status >= 300 {
			_ = a.release() // there is no body yet that could fail
			return
		}
		if mediaType, _, _ := mime.ParseMediaType(a.Header().Get("Content-Type")); mediaType == eventstream.ContentType {
			a.streams()
			_ = a.release()
			return
		}
		if n, err := strconv.ParseInt(a.Header().Get("Content-Length"), 10, 64); err == nil && n > a.max {
			a.tooLarge()
			_ = a.release()
		}
	}
}

func (a *heldAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if !a.released && int64(a.body.Len()+len(p)) > a.max {
		a.tooLarge()
		if err := a.release(); err != nil {
			return 0, err
		}
	}
	if a.released {
		return a.ResponseWriterWrapper.Write(p)
	}
	return a.body.Write(p)
}

// ReadFrom is Write for io.Copy.
func (a *heldAnswer) ReadFrom(r io.Reader) (int64, error) {
	if a.released {
		return a.ResponseWriterWrapper.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{a}, r)
}

// FlushError is for http.ResponseController: there is nothing to flush while the
// answer is kept back.
func (a *heldAnswer) FlushError() error {
	if !a.released {
		return nil
	}
	return http.NewResponseController(a.ResponseWriter).Flush()
}
