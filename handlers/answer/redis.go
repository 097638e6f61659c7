package answer

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-sse/caddy-sse/handlers/request"
	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// RedisError is the error of something that failed at Redis. Its status tells
// whether trying again is of use: then it is 503.
func RedisError(doing, channel string, err error) error {
	status, sentence := http.StatusServiceUnavailable, "redis cannot do it now: try again later"
	switch cause := broker.CauseOf(err); {
	case cause == broker.CauseUnreachable || cause == broker.CauseSilent:
		sentence = "redis is away: try again later"
	case cause == broker.CauseWrongType:
		status, sentence = http.StatusInternalServerError, "the channel can have no history: something else is kept under its name"
	case cause == broker.CauseDenied || cause == broker.CauseCluster || cause == broker.CauseSentinel:
		status, sentence = http.StatusInternalServerError, "the gateway may not do it as it is configured"
	}
	cause := broker.CauseOf(err).String()
	if typed := (*broker.Error)(nil); errors.As(err, &typed) && typed.Cause == broker.CauseDenied && typed.Needs != "" {
		cause += "; " + typed.Needs
	}
	return caddyhttp.Error(status, request.NewRefusal(sentence, fmt.Errorf("%s failed: %s (channel %s): %w", doing, cause, channel, err)))
}
