package redisbroker

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// typed gives the error its cause; nil is none.
func typed(err error) error {
	if err == nil || errors.As(err, new(*broker.Error)) {
		return err
	}
	cause := causeOf(err)
	// An ACL refuses a key, a channel or a command.
	ofChannel := cause == broker.CauseWrongType || cause == broker.CauseRefused ||
		cause == broker.CauseDenied && strings.Contains(err.Error(), "key")
	return &broker.Error{Cause: cause, OfChannel: ofChannel, Err: err}
}

// needing adds what rights it takes to an error.
func needing(rights string, err error) error {
	var e *broker.Error
	if err = typed(err); errors.As(err, &e) {
		e.Needs = rights
	}
	return err
}

func denied(err error) bool { return causeOf(err) == broker.CauseDenied }

func final(err error) bool { return causeOf(err).Final() }

// causeOf is the cause of an error of go-redis.
func causeOf(err error) broker.Cause {
	var answer redis.Error
	var already *broker.Error
	var find *findError
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return broker.CauseNone
	case errors.As(err, &already):
		return already.Cause
	case errors.As(err, &find):
		return find.cause
	case errors.As(err, &answer):
		return causeOfAnswer(answer.Error())
	case errors.Is(err, errReplica):
		return broker.CauseReplica
	case isCertificate(err):
		return broker.CauseCertificate
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return broker.CauseUnreachable
	}
	var timeout net.Error
	if errors.Is(err, errNoAnswer) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return broker.CauseSilent
	}
	return broker.CauseUnreachable
}

// causeOfAnswer is the cause of an error that Redis answered with.
func causeOfAnswer(text string) broker.Cause {
	contains := func(part string) bool { return strings.Contains(text, part) }
	switch code, _, _ := strings.Cut(text, " "); code {
	case "WRONGPASS", "NOAUTH":
		return broker.CauseCredentials
	case "NOPERM":
		if contains("'auth'") {
			return broker.CauseCredentials
		}
		return broker.CauseDenied
	case "READONLY":
		return broker.CauseReplica
	case "MOVED", "ASK", "CROSSSLOT":
		return broker.CauseCluster
	case "WRONGTYPE":
		return broker.CauseWrongType
	case "OOM":
		return broker.CauseFull
	case "LOADING":
		return broker.CauseLoading
	case "ERR":
	default:
		return broker.CauseBusy // BUSY, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, MISCONF, NOREPLICAS, …
	}
	switch {
	case contains("accepted by Sentinel"):
		return broker.CauseSentinel
	case contains("max number of clients"):
		return broker.CauseBusy
	case contains("AUTH") || contains("invalid password"):
		return broker.CauseCredentials // as servers without users say it
	case contains("The user executing the script ") || contains("ACL failure in script: "):
		return broker.CauseDenied // within a script it is a plain error: the first as Redis says it before 7.2
	case contains("-READONLY "):
		return broker.CauseReplica // the same before 7.0
	case contains("-OOM "):
		return broker.CauseFull
	case contains("unknown command") || contains("Unknown Redis command") || contains("unknown subcommand"):
		return broker.CauseUnknownCommand
	case contains("DB index"):
		return broker.CauseDatabase
	case contains("not allowed in cluster mode"):
		return broker.CauseCluster
	}
	return broker.CauseRefused
}

func isCertificate(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.RecordHeaderError)) ||
		errors.As(err, new(tls.AlertError)) || errors.As(err, new(x509.UnknownAuthorityError)) ||
		errors.As(err, new(x509.HostnameError)) || errors.As(err, new(x509.CertificateInvalidError)) ||
		strings.Contains(err.Error(), "remote error: tls: ")
}
