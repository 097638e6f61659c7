package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// caddy is the program under test, built once.
var caddy string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "caddy-sse-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)

	caddy = filepath.Join(dir, "caddy")
	build := exec.Command("go", append([]string{"build", "-o", caddy}, append(buildFlags, "./cmd/caddy")...)...)
	build.Dir = ".." // its own module, with its own go.mod
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building the gateway: %w\n%s", err, out)
	}

	defer func() { quitBrowser() }() // the one there is by then
	return m.Run(), nil
}
