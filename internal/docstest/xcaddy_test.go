package docstest

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

// builder has the fields of xcaddy.Builder that a file may set, by their JSON
// names; Output and the like are xcaddy's own business.
type builder struct {
	CaddyVersion string `json:"caddy_version,omitempty"`
	Plugins      []struct {
		PackagePath string `json:"module_path,omitempty"`
		Version     string `json:"version,omitempty"`
	} `json:"plugins,omitempty"`
	Replacements []struct {
		Old string `json:"old,omitempty"`
		New string `json:"new,omitempty"`
	} `json:"replacements,omitempty"`
	OS           string `json:"os,omitempty"`
	Arch         string `json:"arch,omitempty"`
	ARM          string `json:"arm,omitempty"`
	Cgo          bool   `json:"cgo,omitempty"`
	TimeoutGet   int64  `json:"timeout_get,omitempty"`
	TimeoutBuild int64  `json:"timeout_build,omitempty"`
	RaceDetector bool   `json:"race_detector,omitempty"`
	SkipCleanup  bool   `json:"skip_cleanup,omitempty"`
	SkipBuild    bool   `json:"skip_build,omitempty"`
	Debug        bool   `json:"debug,omitempty"`
	BuildFlags   string `json:"build_flags,omitempty"`
	ModFlags     string `json:"mod_flags,omitempty"`
}

// What xcaddy builds is what is tested here.
func TestXcaddyBuildsThisModule(t *testing.T) {
	file, err := os.Open("xcaddy.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	var b builder
	if err := decoder.Decode(&b); err != nil {
		t.Fatal(err)
	}
	list := func(module string, args ...string) string {
		t.Helper()
		out, err := exec.Command("go", append([]string{"list", "-C", module, "-m"}, args...)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	for _, module := range []string{".", "bench"} { // which measures what it has itself
		if version := list(module, "-f", "{{.Version}}", "github.com/caddyserver/caddy/v2"); version != b.CaddyVersion {
			t.Errorf("xcaddy.json has Caddy %s, %s/go.mod %s", b.CaddyVersion, module, version)
		}
	}
	if ours := list("."); len(b.Plugins) != 1 || b.Plugins[0].PackagePath != ours {
		t.Errorf("xcaddy.json has plugins %v, go.mod is %s", b.Plugins, ours)
	}
}

func TestListModules(t *testing.T) {
	out, err := exec.Command(gatewaytest.Binary(t), "list-modules").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sse", "http.handlers.sse_subscribe", "http.handlers.sse_publish", "http.handlers.sse_history", "http.handlers.sse_presence"} {
		if !strings.Contains("\n"+string(out), "\n"+name+"\n") {
			t.Errorf("%s is not listed", name)
		}
	}
}
