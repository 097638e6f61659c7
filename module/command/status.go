package command

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/caddy-sse/caddy-sse/module/admin"
)

func (a *api) status() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Shows how it stands: Redis, subscribers, channels, and what flows",
		Long: `
Shows how it stands with Redis, how many subscribers and channels there are, and
what flows. It fails where something is wrong with Redis, so that scripts can
ask it, too.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if watch {
				return a.watch(c)
			}
			s, err := a.look()
			if err != nil {
				return err
			}
			if err := a.printStatus(c.OutOrStdout(), s, nil, 0); err != nil {
				return err
			}
			return trouble(s)
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "Look again each second, until Ctrl-C")
	return c
}

func (a *api) look() (s admin.Status, err error) {
	return s, a.ask(http.MethodGet, "/sse/", nil, "", &s)
}

// trouble is what keeps a gateway from its work, so that the command fails.
func trouble(s admin.Status) error {
	if len(s.Gateways) == 0 {
		return errors.New("there is no gateway")
	}
	for _, g := range s.Gateways {
		switch {
		case g.Redis.Problem != "":
			return errors.New(g.Redis.Problem)
		case !g.Redis.Up:
			return errors.New("redis has not been reached yet")
		}
	}
	return nil
}

func (a *api) printStatus(to io.Writer, s admin.Status, last *admin.Status, since time.Duration) error {
	return a.print(to, s, func(w io.Writer) error {
		writeStatus(w, s, last, since)
		return nil
	})
}

// writeStatus writes a status, and, if there is an earlier one, what has flowed
// since.
func writeStatus(w io.Writer, s admin.Status, last *admin.Status, since time.Duration) {
	fmt.Fprintf(w, "version      %s  Caddy %s\n", s.Versions.SSE, s.Versions.Caddy)
	if len(s.Gateways) == 0 {
		fmt.Fprintln(w, "no gateway: no site has a directive that begins with sse_")
	}
	for i, g := range s.Gateways {
		state := "away: " + g.Redis.Problem
		switch {
		case g.Redis.Up:
			state = fmt.Sprintf("up, probe %.2f ms", g.Redis.Probe)
		case g.Redis.Since == nil:
			state = "not reached yet"
		}
		if g.Redis.Since != nil {
			state += ", for " + time.Since(*g.Redis.Since).Round(time.Second).String()
		}
		fmt.Fprintf(w, "redis        %s  %s\n", g.Redis.Address, state)
		fmt.Fprintf(w, "subscribers  %s  %s wait for them\n", humanize.Comma(int64(g.Subscribers)), humanize.IBytes(uint64(g.Pending)))
		fmt.Fprintf(w, "channels     %d live, %d with history  %s remembered\n", g.Live, g.Histories, humanize.IBytes(uint64(g.Memory)))
		var before *admin.GatewayStatus
		if last != nil && i < len(last.Gateways) {
			before = &last.Gateways[i]
		}
		fmt.Fprintf(w, "received     %s\n", flow(g.Messages, before, func(b *admin.GatewayStatus) uint64 { return b.Messages }, since))
		fmt.Fprintf(w, "sent         %s\n", flow(g.Sent, before, func(b *admin.GatewayStatus) uint64 { return b.Sent }, since))
		fmt.Fprintf(w, "replayed     %s  %s gaps sent\n", humanize.Comma(int64(g.Replayed)), humanize.Comma(int64(g.Gaps)))
		if g.Backlog > 0 {
			fmt.Fprintf(w, "backlog      %s events wait to be stored\n", humanize.Comma(int64(g.Backlog)))
		}
	}
}

// flow is a counter, and by how much it has grown a second.
func flow(now uint64, before *admin.GatewayStatus, get func(*admin.GatewayStatus) uint64, since time.Duration) string {
	text := humanize.Comma(int64(now)) + " events"
	if before == nil || now < get(before) || since <= 0 {
		return text
	}
	return fmt.Sprintf("%s  %.0f/s", text, float64(now-get(before))/since.Seconds())
}
