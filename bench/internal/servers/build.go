//go:build linux

package servers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

const module = "github.com/caddy-sse/caddy-sse"

// build compiles a program of this module.
func build(ctx context.Context, dir, program string) (string, error) {
	binary := filepath.Join(dir, path.Base(program))
	fmt.Fprintln(os.Stderr, "building ./"+program)
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, module+"/"+program).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build %s: %w\n%s", program, err, out)
	}
	return binary, nil
}
