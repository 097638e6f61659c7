//go:build linux

package servers

import (
	"context"
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/bench/internal/publish"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
	"github.com/caddy-sse/caddy-sse/internal/freeport"
)

// startCaddy runs a Caddy, with a home of its own and a configuration that says
// no more than a user has to.
func (f *Fleet) startCaddy(ctx context.Context, name string) (*Server, error) {
	t := transports[name]
	site, err := freeport.Claim()
	if err != nil {
		return nil, err
	}
	redisAddr, err := f.redisAddr()
	if err != nil {
		return nil, err
	}
	home, err := os.MkdirTemp(f.dir, "home")
	if err != nil {
		return nil, err
	}
	admin := "off"
	if f.Linger > 0 || f.Profiles { // then its heap is asked for
		if admin, err = freeport.Claim(); err != nil {
			return nil, err
		}
	}
	binary, config := f.gateway, f.gatewayConfig(t, site, admin, redisAddr)
	if name == "flush" {
		binary, config = f.flush, flushConfig(t, site, redisAddr)
	}
	file := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, binary, "run", "--config", file)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_CONFIG_HOME="+home)
	p, err := start(cmd)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, func() error { return t.probe(site) }); err != nil {
		return nil, err
	}
	client := redis.NewClient(&redis.Options{Addr: redisAddr, Protocol: 2})
	target := subscribers.Target{URL: t.address(site) + "/s/{channel}", HTTP2: t.http2, HTTP3: t.http3, PerConnection: 1}
	if t.http2 || t.http3 {
		target.PerConnection = f.PerConnection
	}
	history := target
	history.URL = t.address(site) + "/h/" + HistoryPrefix + "{channel}"
	return &Server{
		Target:    target,
		History:   history,
		Publisher: publish.Redis{Client: client},
		PID:       p.pid(),
		Admin:     admin,
		Stop: func() {
			_ = client.Close() // it has nothing left to say
			p.stop()
		},
	}, nil
}

func (f *Fleet) redisAddr() (string, error) {
	if f.Redis != nil {
		return f.Redis.Addr, nil
	}
	return freeport.Claim()
}

// probe reports what keeps the site from being ready: over TLS it is when it
// has its certificate.
func (t transport) probe(site string) error {
	if !t.tls {
		return probe(site)
	}
	c, err := tls.Dial("tcp", site, &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}) //nolint:gosec // its own certificate
	if err == nil {
		c.Close()
	}
	return err
}
