//go:build linux

package servers

import (
	"fmt"
	"os"
)

// build compiles a program, which may take a while: it says so.
func build(compile func(pkg string, flags ...string) (string, error), pkg string) (string, error) {
	fmt.Fprintln(os.Stderr, "building", pkg)
	return compile(pkg)
}
