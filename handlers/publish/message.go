package publish

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A message is what is to be published.
type message struct {
	channel string
	event   eventstream.Event // if it is to be stored
	payload string            // if not
}

// published is what a request that published something is told.
type published struct {
	Channel   string `json:"channel"`
	Receivers int64  `json:"receivers"`
	ID        string `json:"id,omitempty"`
	// Replicated says whether the replicas that were waited for have it; nil: none were.
	Replicated *bool `json:"replicated,omitempty"`
}

// message makes one of the data, in the directive's words.
func (p *Publish) message(repl *caddy.Replacer, data string) (m message, err error) {
	bad := func(err error) (message, error) { return m, caddyhttp.Error(request.StatusOf(err), err) }
	if m.channel, err = p.Name(repl); err != nil {
		return bad(err)
	}
	if p.Data != "" {
		data = p.data.Fill(repl)
	}
	if int64(len(data)) > p.MaxSize {
		return m, p.tooLarge()
	}
	if data == "" {
		return bad(errors.New("there is nothing to publish: the data is empty"))
	}
	if p.Store == nil && protocol.IsReserved(data) {
		return bad(errors.New("the data must not begin with a NUL byte: that is how gateways speak to each other"))
	}
	m.event.Data, m.payload = data, data
	if p.format == protocol.JSON {
		if m.event, err = protocol.ParseEnvelope(data); err != nil {
			return bad(err)
		}
	}
	if p.Store != nil && m.event.ID != "" {
		return bad(errors.New(`an envelope that is stored must not have an "id": the event's ID is the entry's`))
	}
	if p.Event == "" || m.event.Type != "" {
		return m, nil
	}
	m.event.Type = repl.ReplaceKnown(p.Event, "")
	if !eventstream.ValidType(m.event.Type) {
		return bad(errors.New("the event's type must not hold a line end"))
	}
	m.payload = protocol.Envelope(m.event)
	return m, nil
}

func (p *Publish) tooLarge() error {
	return caddyhttp.Error(http.StatusRequestEntityTooLarge, fmt.Errorf("the data is larger than %d bytes", p.MaxSize))
}

// publish says the message to Redis, once.
func (p *Publish) publish(ctx context.Context, m message) (result published, err error) {
	result.Channel = m.channel
	if p.Store == nil {
		result.Receivers, err = p.App.Gateway().Broker.Publish(ctx, m.channel, m.payload)
	} else {
		result.ID, result.Receivers, err = p.App.Gateway().Broker.Store(ctx, m.channel, protocol.Fields(m.event), p.Store.limits())
		result.Replicated, err = p.takeReplicas(m.channel, err)
	}
	if err != nil {
		err = answer.RedisError("publishing", m.channel, err)
	}
	return result, err
}
