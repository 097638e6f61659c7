// Package program compiles the commands that tests run.
package program

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Ours compiles a command of this project's root module, also for tests of other modules:
// in the module's own folder, so that its go.mod holds. A test that runs it is run again
// when the sources have changed. See [Build].
func Ours(pkg string, flags ...string) (path string, err error) {
	return of("github.com/caddy-sse/caddy-sse", pkg, flags)
}

// Bench compiles a command of the module bench, for programs and tests of that module;
// see [Ours].
func Bench(pkg string, flags ...string) (path string, err error) {
	return of("github.com/caddy-sse/caddy-sse/bench", pkg, flags)
}

func of(module, pkg string, flags []string) (path string, err error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output() //nolint:gosec // a module of this project
	if err != nil {
		return "", err
	}
	dir := strings.TrimSpace(string(root))
	if err := noteSources(dir); err != nil {
		return "", err
	}
	return Build(dir, pkg, flags...)
}

// Build compiles the command of a package, which is a path relative to the folder
// dir, with flags of `go build`, and returns the path of the executable.
//
// The same command always has the same path, in the user's cache folder, so that
// `go build` sees when there is nothing to do: linking Caddy takes longer than most
// tests, and each package's tests run as a process of their own. It is safe for
// concurrent use, also by several processes: an executable is replaced by another
// file, not written into.
func Build(dir, pkg string, flags ...string) (path string, err error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	what := sha256.Sum256([]byte(strings.Join(append([]string{dir, pkg}, flags...), "\x00")))
	folder := filepath.Join(cache, "caddy-sse", "tests")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(folder, fmt.Sprintf("%s-%x", filepath.Base(filepath.Join(dir, pkg)), what[:8]))
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), pkg)...) //nolint:gosec // the tests say what is compiled
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTMPDIR="+folder) // on the same disk: go build moves what is, and copies else
	if out, err := cmd.CombinedOutput(); err != nil {  // which may tell of downloads, too
		return "", fmt.Errorf("building %s in %s: %w\n%s", pkg, dir, err, out)
	}
	return path, nil
}
