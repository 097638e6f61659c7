package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-sse/caddy-sse/module/admin"
)

func (a *api) tail() *cobra.Command {
	var history bool
	var format string
	c := &cobra.Command{
		Use:   "tail <channel>",
		Short: "Shows what a subscriber of a channel gets, until Ctrl-C",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			query := url.Values{"channel": {args[0]}}
			set(query, "format", format)
			if history {
				query.Set("history", "")
			}
			response, err := a.do(http.MethodGet, "/sse/tail", query, "")
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if a.json {
				return writeEvents(c.OutOrStdout(), response.Body)
			}
			_, err = io.Copy(c.OutOrStdout(), response.Body)
			return err
		},
	}
	c.Flags().BoolVar(&history, "history", false, "What is added to the channel's history, though it has none yet")
	c.Flags().StringVar(&format, "format", "", "text (default) or json, as sse_subscribe has it")
	return c
}

func (a *api) publish() *cobra.Command {
	var m admin.Message
	c := &cobra.Command{
		Use:   "publish <channel> <data>",
		Short: "Publishes an event",
		Args:  cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			m.Channel, m.Data = args[0], args[1]
			body, _ := json.Marshal(m) // strings: it cannot fail
			return show(a, c, http.MethodPost, "/sse/publish", nil, string(body), func(w io.Writer, reply admin.Published) error {
				fmt.Fprintln(w, strings.TrimSpace(fmt.Sprintf("received by %d gateways %s", reply.Receivers, reply.ID)))
				if reply.Note != "" {
					fmt.Fprintf(w, "%s (--store)\n", reply.Note)
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&m.Event, "event", "", "The event's type; without --store for subscribers with format json")
	c.Flags().BoolVar(&m.Store, "store", false, "Add it to the channel's history, too")
	return c
}

func (a *api) kick() *cobra.Command {
	var who choice
	var forbid string
	c := &cobra.Command{
		Use:   "kick --id|--member|--channel|--ip … [--forbid <duration>]",
		Short: "Closes subscribers, and may keep them out for a while",
		Long: `
Closes the subscribers that match all that is given. Browsers come back at once,
unless --forbid keeps them out: then they are answered 403, which an EventSource
takes as final. Run it on each gateway: this one does not notify others.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query := who.query()
			if len(query) == 0 {
				return errors.New("say whom: --id, --member, --channel or --ip")
			}
			set(query, "forbid", forbid)
			return show(a, c, http.MethodDelete, "/sse/subscribers", query, "", func(w io.Writer, reply admin.Closed) error {
				_, err := fmt.Fprintf(w, "closed %d\n", reply.Closed)
				return err
			})
		},
	}
	who.flags(c)
	c.Flags().StringVar(&forbid, "forbid", "", "For how long they may not come back, like 10m")
	return c
}
