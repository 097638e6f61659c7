package broker

import (
	"context"
	"errors"
)

// An Error is why the broker has not done something. Every error that a [Broker]
// returns holds one, but for those of this package that have names of their own.
type Error struct {
	// Cause is what everything decides by.
	Cause Cause
	// OfChannel says that it is about the channel that was asked for, and says nothing
	// of others.
	OfChannel bool
	// Needs is what the user's rights have to be, where they were not enough, for
	// operators; it may be empty.
	Needs string
	// Err is the error in the server's words, for the log.
	Err error
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// Reasons for which an event is not stored now, or not at all.
var (
	ErrQueued      = errors.New("redis is away; what came before waits to be stored, too")
	ErrBacklogFull = errors.New("too much waits to be stored already")
	ErrClosed      = errors.New("the gateway ends")
)

// ErrUnreplicated says that an event is stored and published, but that not as many replicas
// are known to have it as were asked for.
var ErrUnreplicated = errors.New("too few replicas of redis have the entry")

// A Cause is the kind of problem that an error of the broker, or of the connection to
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
	// CauseSentinel: the server is a Sentinel, which knows where Redis is, and is not it.
	CauseSentinel
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
	CauseCluster:        "redis is a node of a cluster: write `redis cluster <address>...`",
	CauseSentinel:       "this is a Redis Sentinel, and not Redis: write `redis sentinel <master> <address>...`",
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
	case CauseDenied, CauseCluster, CauseSentinel, CauseWrongType, CauseUnknownCommand, CauseDatabase, CauseRefused:
		return true
	}
	return false
}

// Answered reports whether the broker has answered, and refused.
func (c Cause) Answered() bool { return c > CauseCertificate }

// CauseOf is the cause of an error. One that is not the broker's is that the time was
// over, or else counts as if nobody were there.
func CauseOf(err error) Cause {
	var typed *Error
	switch {
	case err == nil:
		return CauseNone
	case errors.As(err, &typed):
		return typed.Cause
	case errors.Is(err, context.DeadlineExceeded):
		return CauseSilent
	}
	return CauseUnreachable
}

// Denied reports whether the broker refused because of the user's rights (ACL):
// trying again is of no use until they change.
func Denied(err error) bool { return CauseOf(err) == CauseDenied }

// Final reports whether it is of no use to try again; see [Cause.Final].
func Final(err error) bool { return CauseOf(err).Final() }

// Answered reports whether the error is the broker's answer; see [Cause.Answered].
func Answered(err error) bool { return CauseOf(err).Answered() }
