package handlers

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/bus"
	"github.com/caddy-sse/caddy-sse/internal/ratelog"
)

// A refusal is what a client is told of what went wrong: a sentence in which there
// is nothing of the inside. The detail is for the log only.
type refusal struct {
	sentence string
	detail   error // nil: there is no more to it
}

func (r *refusal) Error() string { return r.sentence }

func (r *refusal) Unwrap() error { return r.detail }

// refuse is an error for Caddy's error handling. Without a handle_errors that
// shows it, Caddy answers with the bare status, so a header says what is wrong.
func refuse(w http.ResponseWriter, status int, err error) error {
	return explain(w, caddyhttp.Error(status, err))
}

// explain adds the headers that say what is wrong to an error with a status, and
// logs what clients are not told.
func explain(w http.ResponseWriter, err error) error {
	var with caddyhttp.HandlerError
	if !errors.As(err, &with) {
		return err
	}
	w.Header().Set("Sse-Error", codeOf(err)+": "+with.Err.Error())
	if with.StatusCode == http.StatusServiceUnavailable && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "1")
	}
	if _, isOurs := with.Err.(*refusal); !isOurs { //nolint:errorlint // one that another error holds is worded already
		with.Err = &refusal{with.Err.Error(), nil}
	}
	logDetail(with)
	return with
}

// codes are words for programs, by status.
var codes = map[int]string{
	http.StatusBadRequest:            "bad_request",
	http.StatusForbidden:             "forbidden",
	http.StatusMethodNotAllowed:      "bad_method",
	http.StatusRequestEntityTooLarge: "too_large",
	http.StatusTooManyRequests:       "over_limit",
	http.StatusInternalServerError:   "misconfigured",
	http.StatusBadGateway:            "bad_answer",
	http.StatusServiceUnavailable:    "unavailable",
}

// codeOf is the code of an error.
func codeOf(err error) string {
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
	var r *refusal
	line := refused[codeOf(err)]
	if !errors.As(err.Err, &r) || r.detail == nil || line == nil {
		return
	}
	line.Do(func(suppressed int) {
		caddy.Log().Named("sse").Warn("a request was refused", zap.Int("status", err.StatusCode), zap.String("reason", r.sentence),
			zap.Int("others_meanwhile", suppressed), zap.Error(r.detail))
	})
}

// seconds is a duration as Retry-After has it (RFC 9110, section 10.2.3).
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }

// sentenceOf is what clients are told of an error.
func sentenceOf(err error) string {
	var with caddyhttp.HandlerError
	if errors.As(err, &with) {
		return with.Err.Error()
	}
	return "it failed"
}

// detailOf is what the log is told of an error.
func detailOf(err error) error {
	var with caddyhttp.HandlerError
	var r *refusal
	switch {
	case errors.As(err, &r) && r.detail != nil:
		return r.detail
	case errors.As(err, &with):
		return with.Err
	}
	return err
}

// redisError is the error of something that failed at Redis. Its status tells
// whether trying again is of use: then it is 503.
func redisError(doing, channel string, err error) error {
	status, sentence := http.StatusServiceUnavailable, "redis cannot do it now: try again later"
	switch cause := bus.CauseOf(err); {
	case cause == bus.CauseUnreachable || cause == bus.CauseSilent:
		sentence = "redis is away: try again later"
	case cause == bus.CauseWrongType:
		status, sentence = http.StatusInternalServerError, "the channel can have no history: something else is kept under its name"
	case cause == bus.CauseDenied || cause == bus.CauseCluster:
		status, sentence = http.StatusInternalServerError, "the gateway may not do it as it is configured"
	}
	return caddyhttp.Error(status, &refusal{sentence, fmt.Errorf("%s failed: %s (channel %s): %w", doing, bus.CauseOf(err), channel, err)})
}
