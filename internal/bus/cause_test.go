package bus

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
)

type answer string

func (a answer) Error() string { return string(a) }
func (answer) RedisError()     {}

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err   error
		cause Cause
		final bool
	}{
		{nil, CauseNone, false},
		{redis.Nil, CauseNone, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, CauseUnreachable, false},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, CauseUnreachable, false},
		{io.EOF, CauseUnreachable, false},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, CauseSilent, false},
		{context.DeadlineExceeded, CauseSilent, false},
		{errNoAnswer, CauseSilent, false},
		{errReplica, CauseReplica, false},
		{errors.New("remote error: tls: bad certificate"), CauseCertificate, false},
		{fmt.Errorf("failed to authenticate: %w", answer("WRONGPASS invalid username-password pair or user is disabled.")), CauseCredentials, false},
		{answer("NOAUTH Authentication required."), CauseCredentials, false},
		{answer("NOPERM this user has no permissions to run the 'auth' command"), CauseCredentials, false},
		{answer("NOPERM this user has no permissions to run the 'hello' command"), CauseDenied, true},
		{answer("ERR invalid password"), CauseCredentials, false},
		{answer("ERR Client sent AUTH, but no password is set"), CauseCredentials, false},
		{answer("NOPERM this user has no permissions to run the 'xadd' command"), CauseDenied, true},
		{answer("NOPERM this user has no permissions to access one of the keys used as arguments"), CauseDenied, true},
		{answer("ERR The user executing the script can't run this command or subcommand script: f_1, on @user_script:1."), CauseDenied, true},
		{answer("ERR ACL failure in script: User gateway has no permissions to run the 'xadd' command"), CauseDenied, true},
		{answer("READONLY You can't write against a read only replica."), CauseReplica, false},
		{answer("ERR Error running script (call to f_1): @user_script:1: -READONLY You can't write against a read only replica."), CauseReplica, false},
		{answer("MOVED 3999 127.0.0.1:6381"), CauseCluster, true},
		{answer("ERR SELECT is not allowed in cluster mode"), CauseCluster, true},
		{answer("WRONGTYPE Operation against a key holding the wrong kind of value"), CauseWrongType, true},
		{answer("ERR unknown command 'XINFO', with args beginning with: "), CauseUnknownCommand, true},
		{answer("ERR DB index is out of range"), CauseDatabase, true},
		{answer("OOM command not allowed when used memory > 'maxmemory'."), CauseFull, false},
		{answer("LOADING Redis is loading the dataset in memory"), CauseLoading, false},
		{answer("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."), CauseBusy, false},
		{answer("MISCONF Redis is configured to save RDB snapshots"), CauseBusy, false},
		{answer("ERR max number of clients reached"), CauseBusy, false},
		{answer("ERR invalid start ID for the interval"), CauseRefused, true},
	} {
		if c := CauseOf(test.err); c != test.cause || c.Final() != test.final {
			t.Errorf("%v: %d (%s), final %t", test.err, c, c, c.Final())
		}
	}
}
