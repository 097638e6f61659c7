package command

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddy-sse/caddy-sse/module/admin"
)

func (a *api) channels() *cobra.Command {
	var prefix string
	var limit int
	c := &cobra.Command{
		Use:   "channels [<name>]",
		Short: "Lists channels, those with the most subscribers first",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, query := "/sse/channels", url.Values{"limit": {strconv.Itoa(limit)}}
			set(query, "prefix", prefix)
			if len(args) == 1 {
				path, query = "/sse/channels/"+url.PathEscape(args[0]), nil
			}
			return show(a, c, http.MethodGet, path, query, "", writeChannels)
		},
	}
	c.Flags().StringVar(&prefix, "prefix", "", "Only those whose names begin with it")
	c.Flags().IntVar(&limit, "limit", 100, "How many to list")
	return c
}

func writeChannels(to io.Writer, all admin.Channels) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CHANNEL\tKIND\tSUBSCRIBERS\tEVENTS\tREMEMBERED\tNEWEST")
	for _, ch := range all.Channels {
		kind := "live"
		if ch.History {
			kind = "history"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\n", ch.Name, kind, ch.Subscribers, ch.Events, ch.Recent, ch.LastID)
	}
	return finish(w, len(all.Channels), all.Count)
}

// A choice is whom a command is about.
type choice struct{ id, member, channel, ip string }

func (ch *choice) flags(c *cobra.Command) {
	c.Flags().StringVar(&ch.id, "id", "", "The subscriber of that ID")
	c.Flags().StringVar(&ch.member, "member", "", "Those of that member")
	c.Flags().StringVar(&ch.channel, "channel", "", "Those of that channel")
	c.Flags().StringVar(&ch.ip, "ip", "", "Those of that address, or network")
}

func (ch *choice) query() url.Values {
	query := url.Values{}
	set(query, "id", ch.id)
	set(query, "member", ch.member)
	set(query, "channel", ch.channel)
	set(query, "ip", ch.ip)
	return query
}

func (a *api) subscribers() *cobra.Command {
	var who choice
	var limit int
	c := &cobra.Command{
		Use:   "subscribers",
		Short: "Lists subscribers, those who came first at the front",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			query := who.query()
			query.Set("limit", strconv.Itoa(limit))
			return show(a, c, http.MethodGet, "/sse/subscribers", query, "", writeSubscribers)
		},
	}
	who.flags(c)
	c.Flags().IntVar(&limit, "limit", 100, "How many to list")
	return c
}

func writeSubscribers(to io.Writer, all admin.Subscribers) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tMEMBER\tIP\tOPEN FOR\tPROTOCOL\tVIA\tPENDING\tCHANNELS")
	for _, s := range all.Subscribers {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", s.ID, s.Member, s.IP,
			time.Since(s.Since).Round(time.Second), s.Protocol, s.Via, s.Pending, strings.Join(s.Channels, " "))
	}
	return finish(w, len(all.Subscribers), all.Count)
}

// finish ends a table, and says what is not in it.
func finish(w *tabwriter.Writer, listed, count int) error {
	if listed < count {
		fmt.Fprintf(w, "and %d more: --limit lists them\n", count-listed)
	}
	return w.Flush()
}
