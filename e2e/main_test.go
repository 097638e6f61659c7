package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMain(m *testing.M) {
	code := m.Run()
	quitBrowser() // the one there is by then
	removeNPM()
	os.Exit(code)
}

// writeCaddyfile puts a Caddyfile where a gateway can take it from.
func writeCaddyfile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
