package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// publishAnswer publishes what the next handler answers, and then answers it.
// Whatever becomes of the publishing, the answer is the handler's: what it has
// done is done.
func (p *Publish) publishAnswer(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	held := holdAnswer(w, p.MaxSize,
		func() { p.failed(w, p.Channel, p.tooLarge()) },
		func() { p.failed(w, p.Channel, errStreams) })
	if err := next.ServeHTTP(held, r); err != nil {
		return err // of an answer that was held, nothing has gone out
	}
	if held.isKept() {
		p.sayAnswer(w, r, held)
	}
	return held.release()
}

// sayAnswer publishes an answer that is held.
func (p *Publish) sayAnswer(w http.ResponseWriter, r *http.Request, held *heldAnswer) {
	if held.body.Len() == 0 && p.Data == "" {
		return
	}
	body, err := decode(held.body.Bytes(), w.Header().Get("Content-Encoding"), p.MaxSize)
	if err != nil {
		p.failed(w, p.Channel, err)
		return
	}
	repl := request.Replacer(r)
	repl.Map(request.JSONPlaceholders(request.ResponseJSON, body))
	m, err := p.message(repl, string(body))
	if err != nil {
		p.failed(w, p.Channel, err)
		return
	}
	isQueued, err := p.publishOrLater(r, m)
	switch {
	case isQueued: // and counted when it is stored, or given up
		p.tellUnpublished(w, "queued", m.channel, err)
	case errors.Is(err, broker.ErrBacklogFull):
		gateway.CountPublish(gateway.Lost)
		p.tellUnpublished(w, "failed", m.channel, err)
	case err != nil:
		p.failed(w, m.channel, err)
	default:
		gateway.CountPublish(gateway.Published)
	}
}

// publishOrLater publishes the message. One that is stored is queued, when it
// cannot be stored now: then it waits behind those that came before it.
func (p *Publish) publishOrLater(r *http.Request, m message) (isQueued bool, err error) {
	b := p.App.Gateway().Broker
	err = broker.ErrQueued
	if p.Store == nil || !b.Away() && b.Backlog() == 0 {
		_, err = p.publish(context.WithoutCancel(r.Context()), m) // though the client may have left
	}
	if err == nil || p.Store == nil || isFinal(err) {
		return false, err
	}
	log := p.App.Gateway().Log
	full := b.Enqueue(m.channel, protocol.Fields(m.event), p.Store.limits(), func(err error) {
		if err == nil {
			gateway.CountPublish(gateway.Late)
			return
		}
		gateway.CountPublish(gateway.Lost)
		if errors.Is(err, broker.ErrClosed) {
			return // the broker says how many there are
		}
		givenUp.Do(func(suppressed int) {
			log().Error("an answer that was to be stored later was given up", zap.String("channel", m.channel),
				zap.Int("others_meanwhile", suppressed), zap.Error(err))
		})
	})
	if full != nil {
		return false, caddyhttp.Error(http.StatusServiceUnavailable,
			request.NewRefusal("redis is away, and too much waits for it already", fmt.Errorf("%w; nor can it be stored later: %w", answer.DetailOf(err), full)))
	}
	return true, caddyhttp.Error(http.StatusServiceUnavailable, request.NewRefusal("redis is away: it is published later", answer.DetailOf(err)))
}

var errStreams = caddyhttp.Error(http.StatusBadGateway, errors.New("the answer is an event stream, which is not held back to be published"))

// isFinal reports whether it is of no use to publish again.
func isFinal(err error) bool {
	var with caddyhttp.HandlerError
	return errors.As(err, &with) && with.StatusCode != http.StatusServiceUnavailable
}

// These keep the log from being flooded while Redis is away.
var unpublished, givenUp ratelog.Limiter

// failed says that the answer was not published, and never will be.
func (p *Publish) failed(w http.ResponseWriter, channel string, err error) {
	gateway.CountPublish(gateway.Failed)
	p.tellUnpublished(w, "failed", channel, err)
}

// tellUnpublished says what became of an answer that was not published: it is
// queued, or failed.
func (p *Publish) tellUnpublished(w http.ResponseWriter, result, channel string, err error) {
	w.Header().Set("Sse-Publish", result)
	w.Header().Set("Sse-Error", answer.CodeOf(err)+": "+answer.SentenceOf(err))
	unpublished.Do(func(suppressed int) {
		p.App.Gateway().Log().Error("an answer was not published", zap.String("result", result), zap.String("channel", channel),
			zap.Int("others_meanwhile", suppressed), zap.Error(answer.DetailOf(err)))
	})
}

// changesSomething reports whether a method is one whose answer is news (RFC
// 9110, section 9.2.1: it is not safe).
func changesSomething(method string) bool {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}
