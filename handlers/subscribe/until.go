package subscribe

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

// until is when the subscription ends because the right to it does: at what is configured,
// or with the token of the request, whichever is earlier. The zero time: never.
func (s *Subscribe) until(r *http.Request, repl *caddy.Replacer) (time.Time, error) {
	if s.Until == "" {
		return request.Until(r), nil
	}
	t, err := parseTime(repl.ReplaceAll(s.Until, ""))
	if err != nil {
		return t, err
	}
	request.SetUntil(r, t)
	return request.Until(r), nil
}

// latest is the last year that RFC 3339 can write.
const latest = 253402300799

// parseTime reads Unix time in seconds, or a time as RFC 3339 has it; nothing, and 0, are
// the zero time.
func parseTime(text string) (time.Time, error) {
	if text == "" || text == "0" {
		return time.Time{}, nil
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && n >= 1 && n <= latest {
		return time.UnixMilli(int64(n * 1000)), nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	return time.Time{}, errors.New("until is no time: neither Unix time in seconds, nor one like 2026-11-24T15:04:05Z")
}
