//go:build linux

package servers

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/program"
)

// A Fleet is what servers need, and is kept from one to the next.
type Fleet struct {
	// PerConnection is how many subscribers of HTTP/2 share a connection.
	PerConnection int
	// Given are servers that run already, by name.
	Given map[string]Given
	// Linger is for how long this gateway's channels go on without subscribers,
	// if it is not to be its default.
	Linger time.Duration
	// Profiles is whether this gateway can be asked for them.
	Profiles bool
	// Redis is what the gateway and publishers share; nil where there is none,
	// and the gateway has to embed it.
	Redis *Redis

	dir     string
	gateway string // the binary
	flush   string // the binary
}

// A Redis is a running one.
type Redis struct {
	Addr string
	// PID is 0 if it was not started here.
	PID int

	stop func()
}

// Options say which fleet to prepare.
type Options struct {
	Names         []string
	PerConnection int
	Given         map[string]Given
	// Linger is that of the [Fleet].
	Linger time.Duration
	// Profiles is that of the [Fleet].
	Profiles bool
	// Redis is the host:port of a server to use instead of starting one.
	Redis string
	// Gateway is a Caddy with this plugin, to use instead of building one.
	Gateway string
}

// Prepare builds and starts what the servers of these names need, until
// [Fleet.Close].
func Prepare(ctx context.Context, o Options) (*Fleet, error) {
	dir, err := os.MkdirTemp("", "caddy-sse-bench")
	if err != nil {
		return nil, err
	}
	f := &Fleet{PerConnection: o.PerConnection, Given: o.Given, Linger: o.Linger, Profiles: o.Profiles, dir: dir, gateway: o.Gateway}
	if err := f.prepare(ctx, o); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (f *Fleet) prepare(ctx context.Context, o Options) (err error) {
	if o.Redis != "" {
		f.Redis = &Redis{Addr: o.Redis, stop: func() {}}
	} else if f.Redis, err = startRedis(ctx, f.dir); err != nil {
		return err
	}
	isGateway := func(name string) bool {
		_, ok := transports[name]
		return ok && name != "flush"
	}
	if f.gateway == "" && slices.ContainsFunc(o.Names, isGateway) {
		if f.gateway, err = build(program.Ours, "./cmd/caddy"); err != nil {
			return err
		}
	}
	if slices.Contains(o.Names, "flush") {
		f.flush, err = build(program.Bench, "./internal/flush")
	}
	return err
}

// Close ends what was started, and removes what is kept on disk.
func (f *Fleet) Close() {
	if f.Redis != nil {
		f.Redis.stop()
	}
	_ = os.RemoveAll(f.dir) // it is in the folder for temporary files
}

// Start starts the server of that name, or finds the one given.
func (f *Fleet) Start(ctx context.Context, name string) (*Server, error) {
	if given, ok := f.Given[name]; ok {
		return given.server(f.Redis)
	}
	if name == "floor" {
		return startFloor(ctx)
	}
	if _, ok := transports[name]; ok {
		return f.startCaddy(ctx, name)
	}
	return nil, fmt.Errorf("there is no server %q", name)
}
