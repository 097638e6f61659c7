package handlers

import (
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// refuse is an error for Caddy's error handling. Without a handle_errors that
// shows it, Caddy answers with the bare status, so a header says what is wrong.
func refuse(w http.ResponseWriter, status int, err error) error {
	w.Header().Set("Sse-Error", err.Error())
	return caddyhttp.Error(status, err)
}
