package main

import (
	"net/http"
	"path"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/redis/go-redis/v9"
)

func init() {
	caddy.RegisterModule(&Handler{})
	httpcaddyfile.RegisterHandlerDirective("bench_flush", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		handler := new(Handler)
		return handler, handler.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("bench_flush", httpcaddyfile.Before, "respond")
}

// Handler writes each event to the ResponseWriter that it is given, flushes it,
// and sets a deadline for both. The channel is the last element of the path.
type Handler struct {
	// Redis is the server's host:port.
	Redis string `json:"redis,omitempty"`

	fanOut *fanOut
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.bench_flush", New: func() caddy.Module { return new(Handler) }}
}

// Provision connects to Redis.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.fanOut = newFanOut(ctx, redis.NewClient(&redis.Options{Addr: h.Redis}))
	return nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	bench_flush <host:port>
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	if !d.AllArgs(&h.Redis) {
		return d.ArgErr()
	}
	return nil
}

const writeTimeout = 10 * time.Second

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	channel := path.Base(r.URL.Path)
	payloads, err := h.fanOut.join(r.Context(), channel)
	if err != nil {
		return err
	}
	defer h.fanOut.leave(channel, payloads)

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	controller := http.NewResponseController(w)
	if err := controller.Flush(); err != nil {
		return nil // the client has left
	}
	for {
		select {
		case <-r.Context().Done():
			return nil
		case payload := <-payloads:
			if err := write(w, controller, payload); err != nil {
				return nil // the client has left
			}
		}
	}
}

func write(w http.ResponseWriter, controller *http.ResponseController, payload string) error {
	if err := controller.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := w.Write([]byte("data: " + payload + "\n\n")); err != nil {
		return err
	}
	return controller.Flush()
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
	_ caddyfile.Unmarshaler       = (*Handler)(nil)
)
