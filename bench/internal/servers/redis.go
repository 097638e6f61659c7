//go:build linux

package servers

import (
	"context"
	"errors"
	"net"
	"os/exec"

	"github.com/caddy-sse/caddy-sse/internal/freeport"
)

// startRedis runs a redis-server that keeps nothing; it returns nil where it is not installed.
func startRedis(ctx context.Context, dir string) (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if errors.Is(err, exec.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	address, err := freeport.Claim()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(address)
	p, err := start(exec.CommandContext(ctx, path,
		"--bind", host, "--port", port, "--dir", dir, "--save", "", "--appendonly", "no"))
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, func() error { return probe(address) }); err != nil {
		return nil, err
	}
	return &Redis{Addr: address, PID: p.pid(), stop: p.stop}, nil
}
