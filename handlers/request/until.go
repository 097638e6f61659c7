package request

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// untilKey is the variable of a request with when its right ends.
const untilKey = "sse_until"

// SetUntil notes when the right ends by which a request was let through. The zero time:
// never. The earliest holds.
func SetUntil(r *http.Request, t time.Time) {
	if t.IsZero() {
		return
	}
	if before := Until(r); before.IsZero() || t.Before(before) {
		caddyhttp.SetVar(r.Context(), untilKey, t)
	}
}

// Until is when the right ends by which a request was let through. The zero time: never.
func Until(r *http.Request) time.Time {
	t, _ := caddyhttp.GetVar(r.Context(), untilKey).(time.Time)
	return t
}
