//go:build linux

package servers

import (
	"fmt"
	"os"

	"github.com/caddy-sse/caddy-sse/internal/program"
)

// build compiles a program of this module.
func build(pkg string) (string, error) {
	fmt.Fprintln(os.Stderr, "building ./"+pkg)
	return program.Ours("./" + pkg)
}
