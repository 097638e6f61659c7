package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/eventstream"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	sse "github.com/caddy-sse/caddy-sse/module"
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
// Other methods go on to the next handler. With `from_response` it publishes what
// the next handler answers instead.
//
// Anyone who may send the request may publish: put authentication in front.
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

	// Publishes what the next handler, such as `reverse_proxy`, answers to a
	// POST, PUT, PATCH or DELETE request, and then answers it unchanged. So an
	// app that knows nothing of Redis has live events.
	//
	// Only an answer of status 2xx is published, with its Content-Encoding (gzip,
	// deflate, br, zstd) undone, and only if it has a body or there is `data`.
	// `{sse.response.json.<path>}` is a value of a JSON answer, by the names and
	// indexes that lead to it. What cannot be published does not change the
	// answer's status or body: it gets the headers `Sse-Publish: failed` and
	// Sse-Error, and the log and the metric tell, too. With `store`, what fails
	// because Redis is away is `queued` instead: it is stored when Redis is there
	// again, up to 10,000 events or 16 MiB of them, and, if Redis froze in the
	// middle of it, perhaps twice.
	FromResponse bool `json:"from_response,omitempty"`

	// What to publish; placeholders are filled in. `{sse.form.<name>}`, here and in
	// the channel and the event, is a field of the request's body, which then is
	// a form, `application/x-www-form-urlencoded` or `multipart/form-data`, in
	// UTF-8, and has at most `max_size`. As in a query, several values are joined
	// by commas, and a field that is not there is empty. Files are left out. In a text that is JSON they
	// cannot change what it consists of: within a string values are escaped, and a
	// placeholder without quotes, as in `{"n":{http.request.uri.query.n}}`, becomes
	// one value: what is JSON as it stands, all else as a string. Default: the request's body,
	// or with `from_response` the answer's.
	Data string `json:"data,omitempty"`

	// What the data is. `text` (default): the event's data as it stands.
	// `json`: an envelope, which is checked before it is published.
	Format string `json:"format,omitempty"`

	// How many bytes the data may have. Default: 64 KiB. Up to 512 MiB, which is the
	// most that Redis takes by its own default.
	MaxSize int64 `json:"max_size,omitempty"`

	// Adds the event to the channel's history, too, for subscribers of any
	// format: what an envelope says becomes the fields of the entry, whose ID is
	// the event's, so that an envelope must not have an `id`. Default: the event
	// is only published.
	Store *Store `json:"store,omitempty"`

	app       *sse.App
	format    eventstream.Format
	path      request.Path
	data      template
	takesForm bool
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
	var err error
	if p.app, err = theApp(ctx); err != nil {
		return err
	}
	if p.MaxSize == 0 {
		p.MaxSize = DefaultMaxSize
	}
	if p.data, err = parseTemplate(p.Data); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	warnOfNames(ctx.Logger(), p.Channel)
	p.path = request.PathIn(p.Channel, p.Event, p.Data)
	p.takesForm = takesForm(p.Channel, p.Event, p.Data)
	p.format, _ = eventstream.ParseFormat(p.Format) // Validate says what is wrong
	return nil
}

// Validate checks the settings.
func (p *Publish) Validate() error {
	if p.Channel == "" {
		return errors.New("sse_publish needs a channel")
	}
	if p.Store != nil {
		if err := p.Store.validate(); err != nil {
			return err
		}
	}
	return cmp.Or(checkConfigured(p.Channel), p.check(), p.checkPlaceholders())
}

// check checks the settings besides the channel's name.
func (p *Publish) check() error {
	if p.FromResponse && takesForm(p.Channel, p.Event, p.Data) {
		return errors.New("{sse.form.…} does not go with from_response: the form is for the next handler, whose answer has {sse.response.json.…}")
	}
	_, format := eventstream.ParseFormat(p.Format)
	return cmp.Or(checkPlaceholders([]string{formField, responseJSON}, p.Channel, p.Event, p.Data), format, checkType("event", p.Event), bounds.Size("max_size", p.MaxSize, 1, bounds.LargestPayload))
}

// checkPlaceholders checks those of ours once it is known what is published.
func (p *Publish) checkPlaceholders() error {
	known := formField
	if p.FromResponse {
		known = responseJSON
	}
	return checkPlaceholders([]string{known}, p.Channel, p.Event, p.Data)
}

func (p *Publish) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answerRefusal(w, r, &err)
	if !p.isFor(r) {
		return next.ServeHTTP(w, r)
	}
	if err := p.path.Check(r); err != nil {
		gateway.CountPublish(gateway.Refused)
		return refuse(w, http.StatusBadRequest, err)
	}
	if !p.app.MayPublish(remoteIP(r)) {
		gateway.CountPublish(gateway.Refused)
		w.Header().Set("Retry-After", "1")
		return refuse(w, http.StatusTooManyRequests, errors.New("over the limit of publish_rate"))
	}
	if p.FromResponse {
		return p.publishAnswer(w, r, next)
	}
	result, err := p.publishRequest(w, r)
	if err != nil {
		return explain(w, err)
	}
	return answer(w, result)
}

// isFor reports whether a request publishes.
func (p *Publish) isFor(r *http.Request) bool {
	if p.FromResponse {
		return changesSomething(r.Method)
	}
	return r.Method == http.MethodPost || r.Method == http.MethodPut
}

// publishRequest publishes what a request holds.
func (p *Publish) publishRequest(w http.ResponseWriter, r *http.Request) (result published, err error) {
	body, err := p.body(w, r)
	if err != nil {
		gateway.CountPublish(gateway.Refused)
		return result, err
	}
	repl := replacer(r)
	if p.takesForm {
		form, err := parseForm(r.Header, body)
		if err != nil {
			gateway.CountPublish(gateway.Refused)
			return result, err
		}
		repl.Map(formPlaceholders(form))
	}
	m, err := p.message(repl, body)
	if err != nil {
		gateway.CountPublish(gateway.Refused)
		return result, err
	}
	if result, err = p.publish(r.Context(), m); err != nil {
		gateway.CountPublish(gateway.Failed)
		return result, err
	}
	gateway.CountPublish(gateway.Published)
	return result, nil
}

// body is the request's, unless nothing of it is needed.
func (p *Publish) body(w http.ResponseWriter, r *http.Request) (string, error) {
	if p.Data != "" && !p.takesForm {
		return "", nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, p.MaxSize))
	if errors.As(err, new(*http.MaxBytesError)) {
		return "", p.tooLarge()
	}
	if err != nil {
		return "", caddyhttp.Error(http.StatusBadRequest, &refusal{"the body cannot be read", err})
	}
	return string(body), nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_publish [<matcher>] [<channel>] {
//		channel <name>
//		from_response
//		event <type>
//		data <text>
//		format text|json
//		max_size <size>
//		store [maxlen <n>|unlimited] [ttl <duration>]
//	}
func (p *Publish) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return parseChannelDirective(d, &p.Channel, block.Subdirectives{
		"from_response": block.Flag(d, &p.FromResponse),
		"event":         block.Text(d, &p.Event),
		"data":          parseText(d, &p.Data),
		"format":        parseFormat(d, &p.Format),
		"max_size":      block.Size(d, &p.MaxSize),
		"store":         parseStore(d, &p.Store),
	}.CheckedBy(d, p.check), func() error { return cmp.Or(p.check(), p.checkPlaceholders()) })
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Publish)(nil)
	_ caddy.Validator             = (*Publish)(nil)
	_ caddyhttp.MiddlewareHandler = (*Publish)(nil)
	_ caddyfile.Unmarshaler       = (*Publish)(nil)
)
