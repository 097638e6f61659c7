//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-sse/caddy-sse/bench/internal/servers"
)

// A profiler asks a gateway for its profiles, which cost some of what is measured.
type profiler struct {
	prefix string // of the files
	admin  string
}

// newProfiler is nil where no profiles are wanted, or the server has none.
func newProfiler(folder string, row row, server *servers.Server) *profiler {
	if folder == "" || server.Admin == "" || server.Admin == "off" {
		return nil
	}
	return &profiler{prefix: filepath.Join(folder, row.heading), admin: server.Admin}
}

// heap writes what is reachable, and who has allocated it.
func (p *profiler) heap(ctx context.Context) error {
	if p == nil {
		return nil
	}
	for range 2 { // what is in a sync.Pool outlasts the first collection
		if err := p.save(ctx, "heap?gc=1", ".heap.pprof"); err != nil {
			return err
		}
	}
	return p.save(ctx, "goroutine?debug=1", ".goroutines.txt")
}

// cpu writes what takes CPU time, for so long from now on.
func (p *profiler) cpu(ctx context.Context, d time.Duration) <-chan error {
	done := make(chan error, 1)
	if p == nil {
		done <- nil
		return done
	}
	go func() {
		seconds := max(1, int(d.Seconds()))
		done <- p.save(ctx, fmt.Sprintf("profile?seconds=%d", seconds), ".cpu.pprof")
	}()
	return done
}

func (p *profiler) save(ctx context.Context, what, suffix string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.admin+"/debug/pprof/"+what, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s to %s", p.admin, response.Status, what)
	}
	file, err := os.Create(p.prefix + suffix)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, response.Body); err != nil {
		_ = file.Close() // the first error is told
		return err
	}
	return file.Close()
}
