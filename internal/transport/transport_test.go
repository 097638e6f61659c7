package transport

import (
	"slices"
	"testing"
)

// The transport that is expected is one of those that metrics begin with, and says
// what it takes.
func TestExpected(t *testing.T) {
	t.Parallel()
	for major := 1; major <= 3; major++ {
		for _, isTLS := range []bool{false, true} {
			info := Expected(major, isTLS)
			if !slices.Contains(Names(major), info.Name) || info.Bytes <= 0 || info.Files <= 0 {
				t.Errorf("HTTP/%d, TLS %t: %+v is none of %q", major, isTLS, info, Names(major))
			}
		}
	}
}
