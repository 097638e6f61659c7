package command

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/caddy-sse/caddy-sse/internal/buildinfo"
)

func (a *api) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Prints the versions of this program: caddy-sse, Caddy and Go",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v := buildinfo.Read()
			return a.print(c.OutOrStdout(), v, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "caddy-sse  %s\ncaddy      %s\ngo         %s\n", v.SSE, v.Caddy, v.Go)
				return err
			})
		},
	}
}
