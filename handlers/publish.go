package handlers

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/internal/block"
	sse "github.com/caddy-sse/caddy-sse/module"
	"github.com/caddy-sse/caddy-sse/module/eventstream"
)

// DefaultMaxSize is how many bytes a payload may have unless configured.
const DefaultMaxSize = 64 << 10

func init() {
	caddy.RegisterModule(&Publish{})
	httpcaddyfile.RegisterHandlerDirective("sse_publish", parseHandler[Publish])
	httpcaddyfile.RegisterDirectiveOrder("sse_publish", httpcaddyfile.After, "templates")
}

// Publish says what a POST or PUT request holds to a channel, and answers
// `{"channel":"chat:42","receivers":1}`, where receivers counts the gateways
// that heard it (it is Redis' answer to PUBLISH). If it is stored, too, the
// answer has its ID: `{"channel":"chat:42","receivers":1,"id":"1700000000000-0"}`.
// Other methods go on to the next handler.
//
// Whoever may send the request may publish: put authentication in front.
//
// Errors: 400 for a bad channel name, empty data or a malformed envelope, 413
// for data that is too large, 500 if Redis denies it or keeps something else
// where the history would be, 503 with Retry-After while Redis is away. They go
// through Caddy's error handling, so that handle_errors can shape them; the
// header Sse-Error says what is wrong.
type Publish struct {
	// The channel; see sse_subscribe for names and placeholders.
	Channel string `json:"channel,omitempty"`

	// The event's type, unless an envelope has one; placeholders are filled in. A
	// plain payload has no room for it, so what is published is then an
	// envelope, for subscribers with `format json`. What is stored has room.
	Event string `json:"event,omitempty"`

	// What to publish; placeholders are filled in. Default: the request body.
	Data string `json:"data,omitempty"`

	// What the data is. `text` (default): the event's data as it stands.
	// `json`: an envelope, which is checked before it is published.
	Format string `json:"format,omitempty"`

	// How many bytes the data may have. Default: 64 KiB.
	MaxSize int64 `json:"max_size,omitempty"`

	// Adds the event to the channel's history, too, for subscribers of any
	// format: what an envelope says becomes the fields of the entry, whose ID is
	// the event's, so that an envelope must not have an `id`. Default: the event
	// is only published.
	Store *Store `json:"store,omitempty"`

	app    *sse.App
	format eventstream.Format
}

// CaddyModule returns the Caddy module information.
func (*Publish) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.sse_publish",
		New: func() caddy.Module { return new(Publish) },
	}
}

// Provision sets up the handler.
func (p *Publish) Provision(ctx caddy.Context) error {
	app, err := ctx.App("sse")
	if err != nil {
		return err
	}
	p.app = app.(*sse.App)
	if p.MaxSize == 0 {
		p.MaxSize = DefaultMaxSize
	}
	p.format, err = eventstream.ParseFormat(p.Format)
	return err
}

// Validate checks the settings.
func (p *Publish) Validate() error {
	if p.Channel == "" {
		return errors.New("sse_publish needs a channel")
	}
	if p.MaxSize < 0 {
		return errors.New("max_size must be above zero")
	}
	if p.Store != nil {
		if err := p.Store.validate(); err != nil {
			return err
		}
	}
	return checkConfigured(p.Channel)
}

// published is what a request that published something is told.
type published struct {
	Channel   string `json:"channel"`
	Receivers int64  `json:"receivers"`
	ID        string `json:"id,omitempty"`
}

func (p *Publish) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Method != http.MethodPost && r.Method != http.MethodPut {
		return next.ServeHTTP(w, r)
	}
	channel, err := channelName(replacer(r), p.Channel)
	if err != nil {
		return refuse(w, http.StatusBadRequest, err)
	}
	data, err := p.data(w, r)
	if err != nil {
		return err
	}
	event, payload, err := p.event(w, r, data)
	if err != nil {
		return err
	}
	said := published{Channel: channel}
	if p.Store == nil {
		said.Receivers, err = p.app.Gateway().Bus.Publish(r.Context(), channel, payload)
	} else {
		said.ID, said.Receivers, err = p.app.Gateway().Bus.Store(r.Context(), channel, event.Fields(), p.Store.keep())
	}
	if err != nil {
		return redisError(w, "publishing", channel, err)
	}
	return answer(w, said)
}

// event is what the data says, and the payload that says it when it is not
// stored.
func (p *Publish) event(w http.ResponseWriter, r *http.Request, data string) (event eventstream.Event, payload string, err error) {
	event.Data = data
	if p.format == eventstream.JSON {
		if event, err = eventstream.ParseEnvelope(data); err != nil {
			return event, "", refuse(w, http.StatusBadRequest, err)
		}
	}
	if p.Store != nil && event.ID != "" {
		return event, "", refuse(w, http.StatusBadRequest, errors.New(`an envelope that is stored must not have an "id": the event's ID is the entry's`))
	}
	if p.Event == "" || event.Type != "" {
		return event, data, nil
	}
	event.Type = replacer(r).ReplaceKnown(p.Event, "")
	if !eventstream.ValidType(event.Type) {
		return event, "", refuse(w, http.StatusBadRequest, errors.New("the event's type must not hold a line end"))
	}
	return event, eventstream.Envelope(event), nil
}

// data is what there is to publish, not empty and not too large.
func (p *Publish) data(w http.ResponseWriter, r *http.Request) (string, error) {
	var data string
	if p.Data != "" {
		data = replacer(r).ReplaceKnown(p.Data, "")
	} else {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, p.MaxSize))
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			return "", p.tooLarge(w)
		} else if err != nil {
			return "", refuse(w, http.StatusBadRequest, fmt.Errorf("reading the body: %w", err))
		}
		data = string(body)
	}
	if int64(len(data)) > p.MaxSize {
		return "", p.tooLarge(w)
	}
	if data == "" {
		return "", refuse(w, http.StatusBadRequest, errors.New("there is nothing to publish: the data is empty"))
	}
	return data, nil
}

func (p *Publish) tooLarge(w http.ResponseWriter) error {
	return refuse(w, http.StatusRequestEntityTooLarge, fmt.Errorf("the data is larger than %d bytes", p.MaxSize))
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_publish [<matcher>] [<channel>] {
//		channel <name>
//		event <type>
//		data <text>
//		format text|json
//		max_size <size>
//		store [maxlen <n>|unlimited] [ttl <duration>]
//	}
func (p *Publish) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the directive's name
	channel, err := parseOneChannel(d, "sse_publish", &p.Channel)
	if err != nil {
		return err
	}
	err = block.Parse(d, block.Subdirectives{
		"channel":  channel,
		"event":    block.Text(d, &p.Event),
		"data":     block.Text(d, &p.Data),
		"format":   parseFormat(d, &p.Format),
		"max_size": block.Size(d, &p.MaxSize),
		"store":    parseStore(d, &p.Store),
	})
	if err != nil {
		return err
	}
	if p.Channel == "" {
		return d.Err("sse_publish needs a channel")
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Publish)(nil)
	_ caddy.Validator             = (*Publish)(nil)
	_ caddyhttp.MiddlewareHandler = (*Publish)(nil)
	_ caddyfile.Unmarshaler       = (*Publish)(nil)
)
