//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// machine says what the numbers are of.
func machine() string {
	var name unix.Utsname
	kernel := "Linux"
	if err := unix.Uname(&name); err == nil {
		kernel += " " + unix.ByteSliceToString(name.Release[:])
	}
	return fmt.Sprintf("%d × %s, %s, %s", runtime.NumCPU(), processor(), kernel, runtime.Version())
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // it is a matter of taste
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
