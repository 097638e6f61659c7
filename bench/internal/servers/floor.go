//go:build linux

package servers

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"

	"github.com/caddy-sse/caddy-sse/bench/internal/floor"
	"github.com/caddy-sse/caddy-sse/bench/internal/publish"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

func startFloor(ctx context.Context) (*Server, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-process", floor.Process)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		p.stop()
		return nil, errors.New("the floor does not get ready: " + p.log.String())
	}
	return &Server{
		Target:    subscribers.Target{URL: "http://" + strings.TrimSpace(address) + "/s/{channel}", PerConnection: 1},
		Publisher: publish.Lines{Writer: in},
		PID:       p.pid(),
		Stop:      p.stop,
	}, nil
}
