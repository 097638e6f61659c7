package redisbroker

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/broker"
)

// A redirection is what a node's answer says of where else, or when, a command is to be
// done.
type redirection int

const (
	settled redirection = iota // it was done, or refused for good
	moved                      // at another node, from now on
	ask                        // at another node, this once
	later                      // it was not done, and may be in a moment
	lost                       // there is no answer: it may have been done
)

// redirectionOf reads an error: what it says, and of MOVED and ASK the slot and the
// address.
func redirectionOf(err error) (to redirection, slot uint16, addr string) {
	var answer redis.Error
	switch {
	case err == nil || errors.Is(err, redis.Nil):
		return settled, 0, ""
	case errors.As(err, &answer):
		fields := strings.Fields(answer.Error() + " .")
		switch fields[0] {
		case "MOVED", "ASK":
			if len(fields) < 4 {
				return later, 0, ""
			}
			n, err := strconv.ParseUint(fields[1], 10, 16)
			if err != nil || n >= slotCount || strings.HasPrefix(fields[2], "?") {
				return later, 0, "" // the node does not know the other's name
			}
			if fields[0] == "ASK" {
				return ask, uint16(n), fields[2]
			}
			return moved, uint16(n), fields[2]
		case "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "LOADING", "READONLY", "UNBLOCKED":
			return later, 0, ""
		}
		if causeOf(err) == broker.CauseReplica {
			return later, 0, "" // within a script
		}
		return settled, 0, ""
	case isNotSent(err):
		return later, 0, ""
	}
	return lost, 0, ""
}

// isNotSent reports whether the command cannot have reached the server.
func isNotSent(err error) bool {
	var op *net.OpError
	return errors.As(err, new(*unsentError)) || errors.Is(err, errMoved) || errors.Is(err, redis.ErrClosed) ||
		errors.As(err, &op) && op.Op == "dial"
}

// addressOf is the address in a MOVED or ASK of a node. One that does not know other
// hosts means its own.
func addressOf(addr, from string) string {
	if !strings.HasPrefix(addr, ":") {
		return addr
	}
	host, _, _ := net.SplitHostPort(from)
	return net.JoinHostPort(host, addr[1:])
}

// askingKey marks the context of commands that go where ASK has sent them.
type askingKey struct{}

func withAsking(ctx context.Context) context.Context {
	return context.WithValue(ctx, askingKey{}, true)
}

func isAsking(ctx context.Context) bool { return ctx.Value(askingKey{}) == true }

// askFirst puts ASKING, which counts for one command, before each.
func askFirst(ctx context.Context, cmds []redis.Cmder) []redis.Cmder {
	all := make([]redis.Cmder, 0, 2*len(cmds))
	for _, cmd := range cmds {
		all = append(all, redis.NewStatusCmd(ctx, "asking"), cmd)
	}
	return all
}

// isHandshake reports whether go-redis sends the command when it has made a connection.
// Before AUTH, Redis refuses ASKING.
func isHandshake(cmd redis.Cmder) bool {
	switch cmd.Name() {
	case "hello", "auth", "select", "client":
		return true
	}
	return false
}
