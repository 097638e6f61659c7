package relay

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"strconv"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/relay"
)

// asked is what the app is asked for.
type asked struct {
	run    *relay.Run
	target target
	body   []byte
}

// ask asks the app, in a goroutine that may outlive the request, and gives the client what
// it answers.
func (h *Relay) ask(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, a *asked) error {
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	context.AfterFunc(a.run.Stopped, cancel)
	unbind := func() bool { return true }
	if h.From != fromRequest {
		unbind = context.AfterFunc(r.Context(), cancel)
	}
	aw := &appWriter{w: w, header: w.Header().Clone(), took: make(chan *relay.Client, 1)}
	aw.take = func() error {
		if err := a.run.Begin(ctx); err != nil {
			h.off(aw.header, a.target.channel, err)
			return err
		}
		unbind()
		return nil
	}
	aw.run, aw.ends = a.run, h.ends.Value()
	aw.compressed = func() { h.off(aw.header, a.target.channel, errCompressed) }

	vars, _ := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	own := maps.Clone(vars)
	done := make(chan result, 1)
	go func() {
		defer cancel()
		done <- serve(next, aw, appRequest(r, ctx, own, a.body))
	}()

	gone := r.Context().Done()
	if h.From != fromRequest {
		gone = nil // the app's request ends with the client's
	}
	for {
		select {
		case client := <-aw.took:
			return h.serveClient(w, r, a, aw, client)
		case res := <-done:
			select {
			case client := <-aw.took: // both at once
				return h.serveClient(w, r, a, aw, client)
			default:
			}
			maps.Copy(vars, own) // what it has said to the access log, and such
			return aw.finish(res)
		case <-gone:
			if gone = nil; aw.abandon() {
				return nil
			}
		}
	}
}

// serveClient gives the client that asked its run.
func (h *Relay) serveClient(w http.ResponseWriter, r *http.Request, a *asked, aw *appWriter, client *relay.Client) error {
	header := w.Header()
	clear(header)
	maps.Copy(header, aw.head)
	for _, name := range []string{"Content-Length", "Trailer", "Transfer-Encoding", "Connection", "Keep-Alive"} {
		header.Del(name)
	}
	a.target.tell(header)
	header.Set("Sse-Run", a.run.Token)
	s := h.spec(r)
	s.Run = &gateway.RunClient{Channel: a.target.channel, Client: client}
	return h.opened(w, h.App.Gateway().Open(w, r, s))
}

// A result is how the app's handler has returned.
type result struct {
	err      error
	panicked any
}

// serve has the app answer. A run ends with that.
func serve(next caddyhttp.Handler, aw *appWriter, r *http.Request) (res result) {
	defer func() {
		res.panicked = recover() // reverse_proxy panics where the app breaks off
		switch {
		case !aw.isTaken():
			aw.run.Release()
		case res.err != nil || res.panicked != nil:
			aw.run.End(protocol.EndError)
		default:
			aw.run.End(protocol.EndDone)
		}
	}()
	res.err = next.ServeHTTP(aw, r)
	return res
}

// appRequest is the request as the app gets it. What handlers change of it, while the
// client's is over, is its own.
func appRequest(r *http.Request, ctx context.Context, vars map[string]any, body []byte) *http.Request { //nolint:revive // it is another one's context
	ctx = context.WithValue(ctx, caddyhttp.VarsCtxKey, vars)
	ctx = context.WithValue(ctx, caddyhttp.ExtraLogFieldsCtxKey, new(caddyhttp.ExtraLogFields))
	app := withBody(r.Clone(ctx), ctx, body)
	app.Header.Set("Accept-Encoding", "identity")
	return app
}

// withBody is the request with the body that was read.
func withBody(r *http.Request, ctx context.Context, body []byte) *http.Request { //nolint:revive // as above
	r = r.WithContext(ctx)
	if body == nil {
		return r
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	r.ContentLength, r.TransferEncoding = int64(len(body)), nil
	r.Header = r.Header.Clone()
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.Header.Del("Transfer-Encoding")
	r.Header.Del("Expect")
	return r
}
