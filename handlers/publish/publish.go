// Package publish is the directive sse_publish.
package publish

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/answer"
	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
	"github.com/caddy-sse/caddy-sse/internal/protocol"
	"github.com/caddy-sse/caddy-sse/module/sites"
)

// DefaultMaxSize is how many bytes a payload may have unless configured.
const DefaultMaxSize = 64 << 10

func init() { caddy.RegisterModule(&Publish{}) }

// Publish says what a POST or PUT request holds to a channel, and answers
// `{"channel":"chat:42","receivers":1}`, where receivers counts the gateways
// that received it (it is Redis' answer to PUBLISH). If it is stored, too, the
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
	request.OneChannel

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

	format    protocol.Format
	data      request.Template
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
	err := p.SetUp(ctx, p.Event, p.Data)
	if err != nil {
		return err
	}
	if p.MaxSize == 0 {
		p.MaxSize = DefaultMaxSize
	}
	if p.data, err = request.ParseTemplate(p.Data); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	p.takesForm = takesForm(p.Channel, p.Event, p.Data)
	p.format, _ = protocol.ParseFormat(p.Format) // Validate says what is wrong
	return nil
}

// Validate checks the settings.
func (p *Publish) Validate() error {
	if p.Store != nil {
		if err := p.Store.validate(); err != nil {
			return err
		}
	}
	return cmp.Or(p.CheckChannel("sse_publish"), p.check(), p.checkPlaceholders())
}

// check checks the settings besides the channel's name.
func (p *Publish) check() error {
	if p.FromResponse && takesForm(p.Channel, p.Event, p.Data) {
		return errors.New("{sse.form.…} does not go with from_response: the form is for the next handler, whose answer has {sse.response.json.…}")
	}
	_, format := protocol.ParseFormat(p.Format)
	return cmp.Or(request.CheckPlaceholders([]string{request.FormField, request.ResponseJSON}, p.Channel, p.Event, p.Data), format, request.CheckEventType("event", p.Event), bounds.Size("max_size", p.MaxSize, 1, bounds.LargestPayload))
}

// checkPlaceholders checks those of ours once it is known what is published.
func (p *Publish) checkPlaceholders() error {
	known := request.FormField
	if p.FromResponse {
		known = request.ResponseJSON
	}
	return request.CheckPlaceholders([]string{known}, p.Channel, p.Event, p.Data)
}

func (p *Publish) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) (err error) {
	defer answer.Error(w, r, &err)
	if !p.isFor(r) {
		return next.ServeHTTP(w, r)
	}
	if err := p.CheckPath(r); err != nil {
		gateway.CountPublish(gateway.Refused)
		return answer.Refuse(w, http.StatusBadRequest, err)
	}
	if !p.App.MayPublish(request.RemoteIP(r)) {
		gateway.CountPublish(gateway.Refused)
		w.Header().Set("Retry-After", "1")
		return answer.Refuse(w, http.StatusTooManyRequests, errors.New("over the limit of publish_rate"))
	}
	if p.FromResponse {
		return p.publishAnswer(w, r, next)
	}
	result, err := p.publishRequest(w, r)
	if err != nil {
		return answer.Explain(w, err)
	}
	return answer.JSON(w, http.StatusOK, result)
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
	repl := request.Replacer(r)
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
		return "", caddyhttp.Error(http.StatusBadRequest, request.NewRefusal("the body cannot be read", err))
	}
	return string(body), nil
}

// Use implements [sites.Directive].
func (p *Publish) Use() sites.Use {
	if p.FromResponse {
		return sites.Use{
			Channels: []string{p.Channel}, Methods: []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, GoesOn: true,
			Does: "publishes what is answered to all POST, PUT, PATCH and DELETE requests",
		}
	}
	return sites.Use{Channels: []string{p.Channel}, Methods: []string{http.MethodPost, http.MethodPut}, Does: "takes all POST and PUT requests from what comes after it"}
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	sse_publish [<matcher>] [<channel>] {
//		channel <name>
//		allow <pattern>...
//		from_response
//		event <type>
//		data <text>
//		format text|json
//		max_size <size>
//		store [maxlen <n>|unlimited] [ttl <duration>] [wait <replicas> <duration>]
//	}
func (p *Publish) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return p.ParseCaddyfile(d, block.Subdirectives{
		"from_response": block.Flag(d, &p.FromResponse),
		"event":         block.Text(d, &p.Event),
		"data":          request.TemplateSubdirective(d, &p.Data),
		"format":        request.FormatSubdirective(d, &p.Format),
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
	_ sites.Directive             = (*Publish)(nil)
)
