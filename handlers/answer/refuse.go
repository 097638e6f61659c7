package answer

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// Refuse is an error for Caddy's error handling. Without a handle_errors that
// shows it, Caddy answers with the bare status, so a header says what is wrong.
func Refuse(w http.ResponseWriter, status int, err error) error {
	return Explain(w, caddyhttp.Error(status, err))
}

// Explain adds the headers that say what is wrong to an error with a status, and
// logs what clients are not told.
func Explain(w http.ResponseWriter, err error) error {
	var with caddyhttp.HandlerError
	if !errors.As(err, &with) {
		return err
	}
	w.Header().Set("Sse-Error", CodeOf(err)+": "+with.Err.Error())
	if with.StatusCode == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	if _, isOurs := with.Err.(*request.Refusal); !isOurs { //nolint:errorlint // one that another error holds is worded already
		with.Err = request.NewRefusal(with.Err.Error(), nil)
	}
	logDetail(with)
	return with
}

// codes are words for programs, by status.
var codes = map[int]string{
	http.StatusBadRequest:            "bad_request",
	http.StatusForbidden:             "forbidden",
	http.StatusConflict:              "conflict",
	http.StatusMethodNotAllowed:      "bad_method",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusTooManyRequests:       "over_limit",
	http.StatusInternalServerError:   "misconfigured",
	http.StatusBadGateway:            "bad_answer",
	http.StatusServiceUnavailable:    "unavailable",
}

// CodeOf is the code of an error.
func CodeOf(err error) string {
	var with caddyhttp.HandlerError
	if errors.As(err, &with) && codes[with.StatusCode] != "" {
		return codes[with.StatusCode]
	}
	return "failed"
}

// refused keep the log from being flooded by strangers: one line a minute of each
// code.
var refused = func() map[string]*ratelog.Limiter {
	lines := make(map[string]*ratelog.Limiter)
	for _, code := range codes {
		lines[code] = new(ratelog.Limiter)
	}
	return lines
}()

// logDetail logs what clients are not told of an error.
func logDetail(err caddyhttp.HandlerError) {
	var r *request.Refusal
	line := refused[CodeOf(err)]
	if !errors.As(err.Err, &r) || r.Detail == nil || line == nil {
		return
	}
	line.Do(func(suppressed int) {
		caddy.Log().Named("sse").Warn("a request was refused", zap.Int("status", err.StatusCode), zap.String("reason", r.Sentence),
			zap.Int("others_meanwhile", suppressed), zap.Error(r.Detail))
	})
}

// Seconds is a duration as Retry-After has it (RFC 9110, section 10.2.3).
func Seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// SentenceOf is what clients are told of an error.
func SentenceOf(err error) string {
	var with caddyhttp.HandlerError
	if errors.As(err, &with) {
		return with.Err.Error()
	}
	return "it failed"
}

// DetailOf is what the log is told of an error.
func DetailOf(err error) error {
	var with caddyhttp.HandlerError
	var r *request.Refusal
	switch {
	case errors.As(err, &r) && r.Detail != nil:
		return r.Detail
	case errors.As(err, &with):
		return with.Err
	}
	return err
}
