package docstest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var notPlain = regexp.MustCompile(`\bredis\.(New(Cluster|Failover|FailoverCluster|Universal|Sentinel)Client|NewRing|(Cluster|Universal|Sentinel)Client\b)`)

// The gateway goes over the nodes of a Sentinel set or of a cluster itself, by plain
// clients: go-redis' ClusterClient repeats writes, mixes the replies of transactions, and
// does not notice for a minute that a master is gone.
func TestOnlyPlainClients(t *testing.T) {
	t.Parallel()
	files := 0
	err := filepath.WalkDir("internal/broker/redis", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		files++
		if found := notPlain.Find(text); found != nil {
			t.Errorf("%s has %s", path, found)
		}
		return err
	})
	if err != nil || files < 20 {
		t.Fatalf("%d files were read: %v", files, err)
	}
}
