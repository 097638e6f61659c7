// Package command is `caddy sse`: what an operator asks of a running Caddy, by
// its admin endpoint.
package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "sse",
		Usage: "status|channels|subscribers|tail|publish|kick|version [--address <interface>]",
		Short: "Looks into the gateway of a running Caddy, and acts on it",
		Long: `
Looks into the gateway of a running Caddy: who subscribes to what, and how it
stands with Redis. It speaks with the admin endpoint, which is localhost:2019
unless --address, or the Caddyfile that --config names, says otherwise.`,
		CobraFunc: func(c *cobra.Command) {
			var a api
			c.Args = cobra.ArbitraryArgs
			c.RunE = unknown
			c.SuggestionsMinimumDistance = 2
			c.PersistentFlags().BoolVar(&a.json, "json", false, "Print JSON, for programs")
			c.PersistentFlags().StringVar(&a.address, "address", "", "The address of the admin endpoint")
			c.PersistentFlags().StringVarP(&a.config, "config", "c", "", "The configuration that has it")
			c.AddCommand(a.status(), a.channels(), a.subscribers(), a.tail(), a.publish(), a.kick(), a.version())
		},
	})
}

// unknown is what a word is that is no command, or none at all: an error, as a
// script has to learn of it.
func unknown(c *cobra.Command, args []string) error {
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	known := "it is one of " + strings.Join(names, ", ")
	if len(args) == 0 {
		return errors.New("caddy sse needs a command: " + known)
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		known = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return fmt.Errorf("caddy sse has no command %q: %s", args[0], known)
}

// An api is Caddy's admin endpoint.
type api struct {
	address, config string
	json            bool // print the answers as they are
}

// do sends a request, whose answer is to be closed. An answer that is none is an
// error that says why.
func (a *api) do(method, path string, query url.Values, body string) (*http.Response, error) {
	address, err := caddycmd.DetermineAdminAPIAddress(a.address, nil, a.config, "")
	if err != nil {
		return nil, err
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	response, err := caddycmd.AdminAPIRequest(address, method, path, nil, reader)
	if err != nil {
		return nil, explain(address, err)
	}
	return response, nil
}

// ask sends a request, and reads its answer into v.
func (a *api) ask(method, path string, query url.Values, body string, v any) error {
	response, err := a.do(method, path, query, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(v)
}

// show asks, and prints the answer: as JSON, or as write has it.
func show[T any](a *api, c *cobra.Command, method, path string, query url.Values, body string, write func(io.Writer, T) error) error {
	var reply T
	if err := a.ask(method, path, query, body, &reply); err != nil {
		return err
	}
	return a.print(c.OutOrStdout(), reply, func(w io.Writer) error { return write(w, reply) })
}

// print prints a reply: as JSON if that is asked for, else as write has it.
func (a *api) print(to io.Writer, reply any, write func(io.Writer) error) error {
	if a.json {
		return json.NewEncoder(to).Encode(reply)
	}
	return write(to)
}

// set sets a parameter that is not empty.
func set(query url.Values, name, value string) {
	if value != "" {
		query.Set(name, value)
	}
}
