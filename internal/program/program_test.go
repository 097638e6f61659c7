package program

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
)

// The tests of many packages build the same command at once, while others run it;
// and what is there is not built again.
func TestBuild(t *testing.T) {
	t.Parallel()
	build := func() string {
		t.Helper()
		path, err := Build(".", "./testdata/hello")
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := build()
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			_, err := Build(".", "./testdata/hello")
			return err
		})
		group.Go(func() error { return exec.Command(path).Run() })
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	if after, err := os.Stat(build()); err != nil || !os.SameFile(before, after) {
		t.Errorf("it was built again: %v", err)
	}
	if _, err := Build(".", "./testdata/nothing"); err == nil || !strings.Contains(err.Error(), "building ./testdata/nothing in ") {
		t.Errorf("what does not exist is built: %v", err)
	}
}
