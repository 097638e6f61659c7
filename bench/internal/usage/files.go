//go:build linux

package usage

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// AllowFiles lets this process, and those that it starts, have that many files
// and sockets open.
func AllowFiles(n int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	limit.Cur = max(limit.Cur, uint64(n))
	limit.Max = max(limit.Max, limit.Cur)
	// Set in any case: Go hands a limit on to children only when asked for it.
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("%d open files are needed (ulimit -n): %w", n, err)
	}
	return nil
}
