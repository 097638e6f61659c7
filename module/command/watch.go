package command

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/caddy-sse/caddy-sse/module/admin"
)

// watchEvery is how often --watch looks.
const watchEvery = time.Second

// watch shows the status again and again, with rates, until it is interrupted: in
// place on a terminal, else one after the other.
func (a *api) watch(c *cobra.Command) error {
	ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var last *admin.Status
	at := time.Now()
	inPlace := c.OutOrStdout() == io.Writer(os.Stdout) && term.IsTerminal(int(os.Stdout.Fd())) && !a.json
	if inPlace {
		fmt.Fprint(os.Stdout, clearScreen)
	}
	for {
		var text strings.Builder
		s, err := a.look()
		now := time.Now()
		if err == nil {
			err = a.printStatus(&text, s, last, now.Sub(at))
			last = &s
		} else {
			last = nil
		}
		at = now
		switch {
		case err != nil && a.json:
			fmt.Fprintln(c.ErrOrStderr(), err) // other lines than JSON would break a program
		case err != nil:
			fmt.Fprintln(&text, err)
		}
		if inPlace {
			fmt.Fprint(os.Stdout, fromTheTop(text.String()))
		} else {
			fmt.Fprint(c.OutOrStdout(), text.String())
		}
		select {
		case <-time.After(watchEvery):
		case <-ctx.Done():
			return nil
		}
	}
}

const clearScreen = "\x1b[2J"

// fromTheTop writes over what a terminal shows. It begins at the top of the screen
// rather than so many rows up, since a line may take more than one row; and it
// clears what is left of each line and below rather than all, which would flicker.
func fromTheTop(text string) string {
	return "\x1b[H" + strings.ReplaceAll(text, "\n", "\x1b[K\n") + "\x1b[J"
}
