package program

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// noteSources looks at the folders of a module's sources, whose root is given. `go test`
// takes a result from its cache while the files are as they were that the test has looked
// at; those that only the command is built of it would not know.
func noteSources(root string) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() || path == root {
			return err
		}
		if strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" {
			return filepath.SkipDir
		}
		if _, err := os.Lstat(filepath.Join(path, "go.mod")); err == nil { // another module
			return filepath.SkipDir
		}
		return nil
	})
}
