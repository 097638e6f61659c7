//go:build linux

// Command bench measures what Server-Sent Events cost a server: CPU time and
// latency of a delivery, memory of a subscriber, CPU time of a connect. It runs
// this gateway, in each of its transports, beside the least that a delivery can
// cost, and beside any other server that it is pointed at:
//
//	cd bench && go run .
//
// It is a module of its own, so that what it needs stays out of the module that
// people plug into their Caddy.
//
// See README.md for what the numbers mean.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/caddy-sse/caddy-sse/bench/internal/floor"
	"github.com/caddy-sse/caddy-sse/bench/internal/subscribers"
)

func main() {
	if process, ok := ownProcess(os.Args[1:]); ok {
		if err := process(); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	s, err := parseSettings(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, s)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// ownProcess is what this program does instead of measuring where it has started
// itself: the floor and the subscribers are processes of their own, so that
// their CPU time is not that of another.
func ownProcess(args []string) (func() error, bool) {
	if len(args) != 2 || args[0] != "-process" {
		return nil, false
	}
	switch args[1] {
	case floor.Process:
		return floor.Main, true
	case subscribers.Process:
		return subscribers.Main, true
	}
	return nil, false
}
