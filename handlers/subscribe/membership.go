package subscribe

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/gateway"
)

const (
	// DefaultLinger is for how long a member stays after its last tab has left,
	// unless configured.
	DefaultLinger = 5 * time.Second
	// MaxMember is how many bytes a member's ID may have.
	MaxMember = 128
	// MaxInfo is how many bytes a member's info may have.
	MaxInfo = 1024
)

// A Membership makes a subscriber a member of its channels while it is open.
// Subscribers with the same member are one, on all gateways: when the first
// comes, each channel is told by an event `sse.join` with data
// `{"channel":"chat:42","id":"7","since":"2026-11-24T15:04:05.123Z","info":{…}}`,
// and when the last has left, by `sse.leave` with `{"channel":"chat:42","id":"7"}`.
// These events have no ID and are in no history: a page that was away asks
// sse_presence.
//
// The members are in Redis under keys that begin with `sse.presence.`.
type Membership struct {
	// Who the subscriber is; placeholders are filled in. One without a value is
	// refused with status 400, as is an ID that is empty, longer than 128 bytes,
	// or holds a control character.
	Member string `json:"member,omitempty"`

	// JSON that the others are told with it, of at most 1024 bytes: a JSON text
	// in which placeholders are filled in, escaped, or a placeholder for all of it;
	// what is then no JSON is taken as a string. What is no UTF-8 is refused with
	// status 400. Default: nothing.
	Info string `json:"info,omitempty"`

	// The channels that it is a member of. Default: all of the subscription.
	Channels []string `json:"channels,omitempty"`

	// For how long the member stays after its last subscriber has left: a page
	// that is reloaded leaves, too. Default: 5s. From 100ms to 24h. Negative: not
	// at all.
	Linger caddy.Duration `json:"linger,omitempty"`

	info request.Template
}

func (m *Membership) provision() (err error) {
	if m.Linger == 0 {
		m.Linger = caddy.Duration(DefaultLinger)
	}
	if m.info, err = request.ParseTemplate(m.Info); err != nil {
		return fmt.Errorf("presence: info: %w", err)
	}
	return nil
}

// check checks the settings as they stand in the configuration.
func (m *Membership) check() error {
	if m.Member == "" {
		return errors.New("presence needs a member")
	}
	if !strings.Contains(m.Member, "{") {
		if err := checkMember(m.Member); err != nil {
			return err
		}
	}
	return cmp.Or(checkChannels(m.Channels), bounds.DurationOrOff("linger", m.Linger, bounds.Shortest, bounds.Longest))
}

func (m *Membership) linger() time.Duration { return max(0, time.Duration(m.Linger)) }

// channelsOf are those that a subscriber of these channels is a member of.
func (m *Membership) channelsOf(r *http.Request, channels []string) ([]string, error) {
	if m == nil || len(m.Channels) == 0 {
		return channels, nil
	}
	return request.ChannelNames(r, m.Channels)
}

// of is the member of these channels that a subscriber is; nobody if m is nil.
func (m *Membership) of(repl *caddy.Replacer, channels []string) (*gateway.Member, error) {
	if m == nil {
		return nil, nil
	}
	id, err := repl.ReplaceOrErr(m.Member, true, true)
	if err != nil {
		return nil, request.NewRefusal("a part of the member has no value", err)
	}
	if err := checkMember(id); err != nil {
		return nil, err
	}
	who := &gateway.Member{ID: id, Channels: channels, Linger: m.linger()}
	if m.Info == "" {
		return who, nil
	}
	if who.Info, err = m.fillInfo(repl); err != nil {
		return nil, err
	}
	if len(who.Info) > MaxInfo {
		return nil, fmt.Errorf("the info of a member must not be longer than %d bytes: this one has %d", MaxInfo, len(who.Info))
	}
	return who, nil
}

// checkMember checks the ID of a member.
func checkMember(id string) error {
	switch {
	case len(id) > MaxMember:
		return fmt.Errorf("a member must not be longer than %d bytes: this one has %d", MaxMember, len(id))
	case !utf8.ValidString(id) || strings.ContainsFunc(id, unicode.IsControl):
		return errors.New("a member must be UTF-8 without control characters")
	}
	return nil
}

// fillInfo is the info as JSON. What is no UTF-8 is refused, for which a strict
// client could not read the list of members any more.
func (m *Membership) fillInfo(repl *caddy.Replacer) (string, error) {
	value, isUTF8 := m.info.FillJSON(repl)
	if !isUTF8 {
		return "", errors.New("the info of a member must be UTF-8")
	}
	return value, nil
}

// parsePresence reads the subdirective presence.
func parsePresence(d *caddyfile.Dispenser, to **Membership) func() error {
	return func() error {
		m := new(Membership)
		args := d.RemainingArgs()
		if len(args) == 0 || len(args) > 2 || args[0] == "" {
			return d.Err("presence takes a member, and may take info in JSON, in backquotes")
		}
		m.Member = args[0]
		if len(args) == 2 {
			if m.Info = args[1]; m.Info == "" {
				return d.Err("presence: the info is empty: leave it out")
			}
		}
		if _, err := request.ParseTemplate(m.Info); err != nil {
			return d.WrapErr(fmt.Errorf("presence: info: %w", err))
		}
		if err := m.check(); err != nil {
			return d.WrapErr(err)
		}
		*to = m
		return block.Parse(d, block.Subdirectives{
			"channel": func() error {
				names := d.RemainingArgs()
				if len(names) == 0 {
					return d.Err("channel needs a name")
				}
				m.Channels = append(m.Channels, names...)
				return nil
			},
			"linger": block.DurationOr(d, "0", &m.Linger),
		}.CheckedBy(d, m.check), "channel")
	}
}
