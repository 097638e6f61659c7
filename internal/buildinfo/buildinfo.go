// Package buildinfo is what Go knows of the running program: the versions in it.
package buildinfo

import (
	"runtime/debug"
)

const (
	ours  = "github.com/caddy-sse/caddy-sse"
	caddy = "github.com/caddyserver/caddy/v2"
)

// released is the version that packaging/release.sh builds, which it has the linker set: Go
// does not learn of one in each kind of clone.
var released string

// Versions are those of a program. A version of ours that was not released is Go's for the
// commit, such as `v0.0.0-20261201054830-285a63900000`, or `(devel)` where Go was not told
// of one, as with `go run`.
type Versions struct {
	SSE   string `json:"caddy_sse"`
	Caddy string `json:"caddy"`
	Go    string `json:"go"`
}

// Read reads those of the running program.
func Read() Versions {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = new(debug.BuildInfo)
	}
	v := of(info)
	if released != "" {
		v.SSE = released
	}
	return v
}

func of(info *debug.BuildInfo) Versions {
	v := Versions{SSE: "unknown", Caddy: "unknown", Go: info.GoVersion}
	for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
		version := m.Version
		if m.Replace != nil { // as xcaddy does with a folder
			version = m.Replace.Version
		}
		if version == "" {
			version = "(devel)"
		}
		switch m.Path {
		case ours:
			v.SSE = version
		case caddy:
			v.Caddy = version
		}
	}
	return v
}
