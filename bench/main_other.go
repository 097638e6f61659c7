//go:build !linux

// Command bench measures what Server-Sent Events cost a server, on Linux only.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: it needs Linux: it reads CPU time and memory of other processes in /proc, and its subscribers share an epoll")
	os.Exit(1)
}
