package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		info debug.BuildInfo
		want Versions
	}{
		"of this repository": {
			debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: ours, Version: "v1.2.3"}, Deps: []*debug.Module{{Path: caddy, Version: "v2.11.9"}}},
			Versions{"v1.2.3", "v2.11.9", "go1.26.0"},
		},
		"go run": {
			debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: ours}, Deps: []*debug.Module{{Path: caddy, Version: "v2.11.9"}}},
			Versions{"(devel)", "v2.11.9", "go1.26.0"},
		},
		"xcaddy": {
			debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: "caddy", Version: "(devel)"}, Deps: []*debug.Module{{Path: ours, Version: "v1.2.3"}, {Path: caddy, Version: "v2.11.9"}}},
			Versions{"v1.2.3", "v2.11.9", "go1.26.0"},
		},
		"xcaddy with a folder": {
			debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: "caddy", Version: "(devel)"}, Deps: []*debug.Module{{Path: ours, Version: "v0.0.0", Replace: &debug.Module{Path: "/src", Version: "(devel)"}}}},
			Versions{"(devel)", "unknown", "go1.26.0"},
		},
		"stripped": {debug.BuildInfo{}, Versions{"unknown", "unknown", ""}},
	} {
		if got := of(&test.info); got != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
