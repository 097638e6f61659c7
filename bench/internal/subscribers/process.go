//go:build linux

// Package subscribers is a crowd of EventSources, in a process of its own, that
// takes as little CPU time as it can: the machine that it measures is the one
// that it runs on.
package subscribers

import (
	"context"
	"errors"
	"io"
	"net/rpc"
	"os"
	"os/exec"
)

// Process is the name under which the bench starts itself as subscribers.
const Process = "subscribers"

// Main is the process. It serves [Service] on its standard input and output
// until that ends.
func Main() error {
	service, err := newService()
	if err != nil {
		return err
	}
	server := rpc.NewServer()
	if err := server.Register(service); err != nil {
		return err
	}
	server.ServeConn(pipes{os.Stdin, os.Stdout})
	return nil
}

// pipes are a process' input and output.
type pipes struct {
	io.ReadCloser
	io.WriteCloser
}

func (p pipes) Close() error { return errors.Join(p.ReadCloser.Close(), p.WriteCloser.Close()) }

// A Client is a running process of subscribers.
type Client struct {
	*rpc.Client
	cmd *exec.Cmd
}

// Start runs one until the context is done or it is stopped.
func Start(ctx context.Context) (*Client, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-process", Process)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &Client{Client: rpc.NewClient(pipes{out, in}), cmd: cmd}, nil
}

// PID is the process' ID.
func (c *Client) PID() int { return c.cmd.Process.Pid }

// Stop ends the process.
func (c *Client) Stop() {
	c.Close()
	_ = c.cmd.Process.Kill() // it may have ended
	_ = c.cmd.Wait()         // a killed process is no error
}

// Do calls a method of [Service].
func (c *Client) Do(ctx context.Context, method string, argument, reply any) error {
	call := c.Go("Service."+method, argument, reply, nil)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-call.Done:
		return call.Error
	}
}
