//go:build linux

package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/caddy-sse/caddy-sse/internal/program"
)

const module = "github.com/caddy-sse/caddy-sse"

// build compiles a program of this module.
func build(ctx context.Context, pkg string) (string, error) {
	fmt.Fprintln(os.Stderr, "building ./"+pkg)
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", err
	}
	return program.Build(strings.TrimSpace(string(root)), "./"+pkg)
}
