package subscribe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-sse/caddy-sse/internal/gateway"
)

// origins are those whose pages may read answers from another site (Fetch
// Standard, section 3.2, "CORS protocol"). Without any, nothing is said of it,
// and browsers keep other sites' pages out themselves.
type origins []string

// anyOrigin lets every page read, but without cookies: browsers would refuse
// more, and so should everyone.
const anyOrigin = "*"

// preflightAge is for how long a browser may keep the answer to a preflight, in
// seconds: two hours, which is the most that Chromium allows.
const preflightAge = "7200"

// fillOrigins fills in the placeholders of origins as they stand in the
// configuration.
func fillOrigins(repl *caddy.Replacer, texts []string) (origins, error) {
	var all origins
	for _, text := range texts {
		origin, err := repl.ReplaceOrErr(text, true, true)
		if err != nil {
			return nil, fmt.Errorf("cors: %w", err)
		}
		all = append(all, origin)
	}
	return all, nil
}

// check checks origins whose placeholders are filled in.
func (o origins) check() error {
	for _, origin := range o {
		if err := checkOrigin(origin); err != nil {
			return err
		}
	}
	if slices.Contains(o, anyOrigin) && len(o) > 1 {
		return errors.New("cors: * lets all origins in, so it stands alone")
	}
	return nil
}

// checkOrigin reports whether a browser would ever send the origin (RFC 6454,
// section 6.1): scheme and host in lower case, and no port that is the scheme's
// own.
func checkOrigin(origin string) error {
	if origin == anyOrigin {
		return nil
	}
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin || u.User != nil {
		return fmt.Errorf("cors: %q is not an origin, like https://app.example.com: a scheme and a host in lower case, with no path", origin)
	}
	if u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return fmt.Errorf("cors: %q: browsers leave the scheme's own port out: %s://%s", origin, u.Scheme, u.Hostname())
	}
	return nil
}

// allow writes the headers for an origin that may read, and reports whether it
// may.
func (o origins) allow(h http.Header, origin string) bool {
	h.Add("Vary", "Origin")
	switch {
	case slices.Contains(o, anyOrigin):
		h.Set("Access-Control-Allow-Origin", anyOrigin)
	case slices.Contains(o, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	default:
		return false
	}
	return true
}

// admit writes the headers for the page that asks, or says why it may not: its
// cookies would be sent, and a stream held open for it, though it can read
// neither.
func (o origins) admit(w http.ResponseWriter, r *http.Request) error {
	if len(o) == 0 {
		return nil
	}
	origin := r.Header.Get("Origin")
	if o.expose(w.Header(), origin) || origin == "" || isOwn(origin, r.Host) {
		return nil
	}
	return fmt.Errorf("pages of %.100q may not subscribe here", origin)
}

// expose writes the headers of [origins.allow], and the one that lets the page's scripts
// read after how long a stream has a heartbeat (Fetch Standard, section 3.2.3).
func (o origins) expose(h http.Header, origin string) bool {
	if !o.allow(h, origin) {
		return false
	}
	h.Add("Access-Control-Expose-Headers", gateway.HeartbeatHeader)
	return true
}

// isOwn reports whether an origin is that of the site itself. Its scheme does not
// count, which only a proxy in front may know.
func isOwn(origin, host string) bool {
	_, of, _ := strings.Cut(origin, "://")
	return strings.EqualFold(of, host)
}

// answerPreflight answers a browser that asks before it subscribes, as it does
// if a script sends more than an EventSource would; a page that may not is told
// nothing. Preflights of other methods are not for this handler.
func (o origins) answerPreflight(w http.ResponseWriter, r *http.Request) bool {
	asked := r.Header.Get("Access-Control-Request-Method")
	if len(o) == 0 || r.Method != http.MethodOptions || asked != http.MethodGet && asked != http.MethodHead {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers")
	if o.allow(h, r.Header.Get("Origin")) {
		h.Set("Access-Control-Allow-Methods", "GET, HEAD")
		h.Set("Access-Control-Max-Age", preflightAge)
		if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
			h.Set("Access-Control-Allow-Headers", names)
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

// parseCORS reads the subdirective cors.
func parseCORS(d *caddyfile.Dispenser, to *[]string) func() error {
	return func() error {
		args := d.RemainingArgs()
		if len(args) == 0 {
			return d.Err("cors needs an origin, like https://app.example.com")
		}
		for _, origin := range args {
			if !strings.Contains(origin, "{") {
				if err := checkOrigin(origin); err != nil {
					return d.WrapErr(err)
				}
			}
			*to = append(*to, origin)
		}
		return nil
	}
}
