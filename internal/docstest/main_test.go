package docstest

import (
	"fmt"
	"os"
	"testing"
)

// TestMain has the tests run in the repository's folder, from which their paths are.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
