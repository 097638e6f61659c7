package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err   error
		cause broker.Cause
		final bool
	}{
		{nil, broker.CauseNone, false},
		{redis.Nil, broker.CauseNone, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, broker.CauseUnreachable, false},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, broker.CauseUnreachable, false},
		{io.EOF, broker.CauseUnreachable, false},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, broker.CauseSilent, false},
		{context.DeadlineExceeded, broker.CauseSilent, false},
		{errNoAnswer, broker.CauseSilent, false},
		{errReplica, broker.CauseReplica, false},
		{errors.New("remote error: tls: bad certificate"), broker.CauseCertificate, false},
		{fmt.Errorf("failed to authenticate: %w", answer("WRONGPASS invalid username-password pair or user is disabled.")), broker.CauseCredentials, false},
		{answer("NOAUTH Authentication required."), broker.CauseCredentials, false},
		{answer("NOPERM this user has no permissions to run the 'auth' command"), broker.CauseCredentials, false},
		{answer("NOPERM this user has no permissions to run the 'hello' command"), broker.CauseDenied, true},
		{answer("ERR invalid password"), broker.CauseCredentials, false},
		{answer("ERR Client sent AUTH, but no password is set"), broker.CauseCredentials, false},
		{answer("NOPERM this user has no permissions to run the 'xadd' command"), broker.CauseDenied, true},
		{answer("NOPERM this user has no permissions to access one of the keys used as arguments"), broker.CauseDenied, true},
		{answer("ERR The user executing the script can't run this command or subcommand script: f_1, on @user_script:1."), broker.CauseDenied, true},
		{answer("ERR ACL failure in script: User gateway has no permissions to run the 'xadd' command"), broker.CauseDenied, true},
		{answer("READONLY You can't write against a read only replica."), broker.CauseReplica, false},
		{answer("ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a read only replica."), broker.CauseReplica, false},
		{answer("MOVED 3999 127.0.0.1:6381"), broker.CauseCluster, true},
		{answer("ERR SELECT is not allowed in cluster mode"), broker.CauseCluster, true},
		{answer("WRONGTYPE Operation against a key holding the wrong kind of value"), broker.CauseWrongType, true},
		{answer("ERR unknown command 'XINFO', with args beginning with: "), broker.CauseUnknownCommand, true},
		{answer("ERR DB index is out of range"), broker.CauseDatabase, true},
		{answer("OOM command not allowed when used memory > 'maxmemory'."), broker.CauseFull, false},
		{answer("LOADING Redis is loading the dataset in memory"), broker.CauseLoading, false},
		{answer("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."), broker.CauseBusy, false},
		{answer("MISCONF Redis is configured to save RDB snapshots"), broker.CauseBusy, false},
		{answer("ERR max number of clients reached"), broker.CauseBusy, false},
		{answer("ERR invalid start ID for the interval"), broker.CauseRefused, true},
	} {
		if c := causeOf(test.err); c != test.cause || c.Final() != test.final {
			t.Errorf("%v: %d (%s), final %t", test.err, c, c, c.Final())
		}
	}
}
