//go:build unix

package sse

import "golang.org/x/sys/unix"

// openFiles is how many files the process may have open; 0 if that is not known.
func openFiles() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return int64(min(uint64(limit.Cur), maxLimit)) //nolint:unconvert // it is signed on FreeBSD
}
