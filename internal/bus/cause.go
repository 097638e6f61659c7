package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// A Cause is the kind of problem that an error of Redis, or of the connection to
// it, belongs to. Everything that decides by an error decides by this.
type Cause int

// The causes.
const (
	// CauseNone is that of no error.
	CauseNone Cause = iota
	// CauseUnreachable: no connection, or it was cut.
	CauseUnreachable
	// CauseSilent: connected, but no answer in time.
	CauseSilent
	// CauseCertificate: the TLS handshake fails, on either side.
	CauseCertificate
	// CauseCredentials: the username or password is refused, or missing, or the
	// user may not log in.
	CauseCredentials
	// CauseDenied: the user may not do this (ACL).
	CauseDenied
	// CauseReplica: the server is a read-only replica.
	CauseReplica
	// CauseCluster: the server is a node of a cluster, and has not got the key.
	CauseCluster
	// CauseWrongType: the key holds something else than the command is for.
	CauseWrongType
	// CauseUnknownCommand: the server does not have the command.
	CauseUnknownCommand
	// CauseDatabase: the server does not have the database.
	CauseDatabase
	// CauseFull: Redis has reached maxmemory.
	CauseFull
	// CauseLoading: Redis has begun, and reads its data from disk. It takes SUBSCRIBE
	// and PUBLISH meanwhile, but nothing that has to do with keys.
	CauseLoading
	// CauseBusy: Redis refuses for a while, as when it has too many clients.
	CauseBusy
	// CauseRefused: any other error that Redis answers with.
	CauseRefused
)

var causeTexts = [...]string{ //nolint:gosec // no credentials, but words about them
	CauseNone:           "",
	CauseUnreachable:    "redis is away",
	CauseSilent:         "redis does not answer",
	CauseCertificate:    "the TLS handshake with redis fails: the certificate is not trusted, or one side does not speak TLS",
	CauseCredentials:    "redis refuses the username or password",
	CauseDenied:         "redis denies this user what the gateway needs (ACL)",
	CauseReplica:        "redis is a read-only replica",
	CauseCluster:        "redis is a node of a cluster, which the gateway cannot use",
	CauseWrongType:      "the key in redis is of another type",
	CauseUnknownCommand: "redis does not have a command that the gateway needs",
	CauseDatabase:       "redis does not have this database",
	CauseFull:           "redis has reached its memory limit",
	CauseLoading:        "redis loads its data from disk",
	CauseBusy:           "redis refuses commands for a while",
	CauseRefused:        "redis refuses a command",
}

// String is the cause as a sentence for operators.
func (c Cause) String() string { return causeTexts[c] }

// Final reports whether trying again is of no use until somebody changes the
// user's rights, the key, or the server. Credentials are not final: they are
// changed on both sides, one after the other.
func (c Cause) Final() bool {
	switch c {
	case CauseDenied, CauseCluster, CauseWrongType, CauseUnknownCommand, CauseDatabase, CauseRefused:
		return true
	}
	return false
}

// CauseOf is the cause of an error.
func CauseOf(err error) Cause {
	var answer redis.Error
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return CauseNone
	case errors.As(err, &answer):
		return causeOfAnswer(answer.Error())
	case errors.Is(err, errReplica):
		return CauseReplica
	case isCertificate(err):
		return CauseCertificate
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return CauseUnreachable
	}
	var timeout net.Error
	if errors.Is(err, errNoAnswer) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return CauseSilent
	}
	return CauseUnreachable
}

// causeOfAnswer is the cause of an error that Redis answered with.
func causeOfAnswer(text string) Cause {
	contains := func(part string) bool { return strings.Contains(text, part) }
	switch code, _, _ := strings.Cut(text, " "); code {
	case "WRONGPASS", "NOAUTH":
		return CauseCredentials
	case "NOPERM":
		if contains("'auth'") {
			return CauseCredentials
		}
		return CauseDenied
	case "READONLY":
		return CauseReplica
	case "MOVED", "ASK", "CROSSSLOT":
		return CauseCluster
	case "WRONGTYPE":
		return CauseWrongType
	case "OOM":
		return CauseFull
	case "LOADING":
		return CauseLoading
	case "ERR":
	default:
		return CauseBusy // BUSY, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, MISCONF, NOREPLICAS, …
	}
	switch {
	case contains("max number of clients"):
		return CauseBusy
	case contains("AUTH") || contains("invalid password"):
		return CauseCredentials // as servers without users say it
	case contains("The user executing the script ") || contains("ACL failure in script: "):
		return CauseDenied // within a script it is a plain error: the first as Redis says it before 7.2
	case contains("-READONLY "):
		return CauseReplica // the same before 7.0
	case contains("-OOM "):
		return CauseFull
	case contains("unknown command") || contains("Unknown Redis command") || contains("unknown subcommand"):
		return CauseUnknownCommand
	case contains("DB index"):
		return CauseDatabase
	case contains("not allowed in cluster mode"):
		return CauseCluster
	}
	return CauseRefused
}

func isCertificate(err error) bool {
	return errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.RecordHeaderError)) ||
		errors.As(err, new(tls.AlertError)) || errors.As(err, new(x509.UnknownAuthorityError)) ||
		errors.As(err, new(x509.HostnameError)) || errors.As(err, new(x509.CertificateInvalidError)) ||
		strings.Contains(err.Error(), "remote error: tls: ")
}

// Denied reports whether Redis refused a command because of the user's rights
// (ACL): trying again is of no use until they change.
func Denied(err error) bool { return CauseOf(err) == CauseDenied }

// NotHistory reports whether Redis refused a command because what it keeps under
// the channel's name is not a Redis stream, and so not the channel's history.
func NotHistory(err error) bool { return CauseOf(err) == CauseWrongType }

// Clustered reports whether Redis sent us to another node of its cluster, which
// the gateway does not follow: trying again is of no use.
func Clustered(err error) bool { return CauseOf(err) == CauseCluster }

// Final reports whether it is of no use to try again; see [Cause.Final].
func Final(err error) bool { return CauseOf(err).Final() }
