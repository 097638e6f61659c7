package command

import (
	"fmt"
	"io"
	"net/http"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/caddy-sse/caddy-sse/module/admin"
)

// watchEvery is how often --watch looks.
const watchEvery = time.Second

func (a *api) status() *cobra.Command {
	var watch bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Shows how it stands: Redis, subscribers, channels, and what flows",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if watch {
				return a.watch(c)
			}
			s, err := a.look()
			if err == nil {
				writeStatus(c.OutOrStdout(), s, nil, 0)
			}
			return err
		},
	}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "Look again each second, until Ctrl-C")
	return c
}

func (a *api) look() (s admin.Status, err error) {
	return s, a.ask(http.MethodGet, "/sse/", nil, "", &s)
}

// watch shows the status in place, with rates, until it is interrupted.
func (a *api) watch(c *cobra.Command) error {
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var last *admin.Status
	lines, at := 0, time.Now()
	for {
		var text strings.Builder
		s, err := a.look()
		now := time.Now()
		if err != nil {
			fmt.Fprintf(&text, "%v\n", err)
			last = nil
		} else {
			writeStatus(&text, s, last, now.Sub(at))
			last = &s
		}
		at = now
		if lines > 0 {
			fmt.Fprintf(c.OutOrStdout(), "\x1b[%dA\x1b[J", lines) // back up, and clear
		}
		lines = strings.Count(text.String(), "\n")
		fmt.Fprint(c.OutOrStdout(), text.String())
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

// writeStatus writes a status, and, if there is an earlier one, what has flowed
// since.
func writeStatus(w io.Writer, s admin.Status, last *admin.Status, since time.Duration) {
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
		if g.Redis.Up && g.Redis.Problem != "" {
			state += ", but " + g.Redis.Problem
		}
		fmt.Fprintf(w, "redis        %s  %s\n", g.Redis.Address, state)
		fmt.Fprintf(w, "subscribers  %s  %s wait for them\n", humanize.Comma(int64(g.Subscribers)), humanize.IBytes(uint64(g.Pending)))
		fmt.Fprintf(w, "channels     %d live, %d with history  %s remembered\n", g.Live, g.Histories, humanize.IBytes(uint64(g.Memory)))
		var before *admin.GatewayStatus
		if last != nil && i < len(last.Gateways) {
			before = &last.Gateways[i]
		}
		fmt.Fprintf(w, "heard        %s\n", flow(g.Messages, before, func(b *admin.GatewayStatus) uint64 { return b.Messages }, since))
		fmt.Fprintf(w, "sent         %s\n", flow(g.Sent, before, func(b *admin.GatewayStatus) uint64 { return b.Sent }, since))
		fmt.Fprintf(w, "replayed     %s  %s gaps told\n", humanize.Comma(int64(g.Replayed)), humanize.Comma(int64(g.Gaps)))
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
