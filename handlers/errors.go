package handlers

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/module/bus"
)

// refuse is an error for Caddy's error handling. Without a handle_errors that
// shows it, Caddy answers with the bare status, so a header says what is wrong.
func refuse(w http.ResponseWriter, status int, err error) error {
	w.Header().Set("Sse-Error", err.Error())
	return caddyhttp.Error(status, err)
}

// redisError says what failed at Redis, and whether trying again is of use.
func redisError(w http.ResponseWriter, doing, channel string, err error) error {
	switch {
	case bus.NotHistory(err):
		return refuse(w, http.StatusInternalServerError,
			fmt.Errorf("%s failed: the key %s in redis is not a Redis stream, so the channel can have no history: %w", doing, channel, err))
	case bus.Denied(err):
		return refuse(w, http.StatusInternalServerError, fmt.Errorf("redis denies %s: %w", doing, err))
	}
	w.Header().Set("Retry-After", "1")
	return refuse(w, http.StatusServiceUnavailable, fmt.Errorf("%s failed: %w", doing, err))
}
