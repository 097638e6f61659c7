package handlers

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/module/bus"
)

// refuse is an error for Caddy's error handling. Without a handle_errors that
// shows it, Caddy answers with the bare status, so a header says what is wrong.
func refuse(w http.ResponseWriter, status int, err error) error {
	return explain(w, caddyhttp.Error(status, err))
}

// explain adds the headers that say what is wrong to an error with a status.
func explain(w http.ResponseWriter, err error) error {
	var with caddyhttp.HandlerError
	if errors.As(err, &with) {
		w.Header().Set("Sse-Error", with.Err.Error())
		if with.StatusCode == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
			w.Header().Set("Retry-After", "1")
		}
	}
	return err
}

// seconds is a duration as Retry-After has it (RFC 9110, section 10.2.3).
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// reason is what an error with a status says of itself.
func reason(err error) error {
	var with caddyhttp.HandlerError
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

// redisError says what failed at Redis. Its status tells whether trying again is
// of use: then it is 503.
func redisError(doing, channel string, err error) error {
	switch {
	case bus.NotHistory(err):
		return caddyhttp.Error(http.StatusInternalServerError,
			fmt.Errorf("%s failed: the key %s in redis is not a Redis stream, so the channel can have no history: %w", doing, channel, err))
	case bus.Clustered(err):
		return caddyhttp.Error(http.StatusInternalServerError, fmt.Errorf("%s failed: redis is a node of a cluster, which the gateway cannot use: %w", doing, err))
	case bus.Denied(err):
		return caddyhttp.Error(http.StatusInternalServerError, fmt.Errorf("redis denies %s: %w", doing, err))
	}
	return caddyhttp.Error(http.StatusServiceUnavailable, fmt.Errorf("%s failed: %w", doing, err))
}
