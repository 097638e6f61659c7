// Package clients has clients of other languages, and proxies, do over HTTP/2 what pages
// do, against a gateway that serves them by the listener wrapper sse_http2.
//
// `make clients` runs all, and says which Debian packages it needs. Without its flag only
// curl runs.
package clients

import (
	"flag"
	"os/exec"
	"strings"
	"testing"
)

var everyone = flag.Bool("clients", false, "have all clients `run`, not curl alone")

// need skips a test that is not of the suite, or whose program is not there.
func need(t *testing.T, debianPackage string, argv ...string) {
	t.Helper()
	if !*everyone {
		t.Skip("`make clients` runs it")
	}
	if err := exec.Command(argv[0], argv[1:]...).Run(); err != nil {
		t.Skipf("SKIPPED: %s does not run (%v). Debian has it in %s", strings.Join(argv, " "), err, debianPackage)
	}
}

// Clients that share a connection among subscriptions and other requests get everything,
// before and after it is parked, and over a reload.
func TestClients(t *testing.T) {
	for _, test := range []struct {
		name, debianPackage string
		has                 []string // runs where the client is installed
		argv                []string
		manners             manners
		noH2C               bool // it begins in the clear with HTTP/1.1 and an Upgrade, which Go's server ignores
	}{
		{
			name: "httpx", debianPackage: "python3-httpx and python3-h2",
			has: []string{"/usr/bin/python3", "-c", "import httpx, h2"}, argv: []string{"/usr/bin/python3", "client.py"},
			manners: manners{keeps: true, upload: 100_000},
		},
		{
			name: "Java", debianPackage: "openjdk-17-jdk-headless",
			has: []string{"javac", "-version"}, argv: []string{"java", "-Xmx256m", "Client.java"}, noH2C: true,
		},
		{name: "Node", debianPackage: "nodejs", has: []string{"node", "--version"}, argv: []string{"node", "client.js"}},
	} {
		for _, isClear := range []bool{false, true} {
			if isClear && test.noH2C {
				continue
			}
			t.Run(test.name+map[bool]string{true: ", in the clear"}[isClear], func(t *testing.T) {
				need(t, test.debianPackage, test.has...)
				s := start(t, isClear)
				s.try(run(t, append(test.argv, s.url)...), test.manners)
			})
		}
	}
}

// HAProxy, with HTTP/2 on both of its sides.
func TestHAProxy(t *testing.T) {
	need(t, "haproxy", "haproxy", "-v")
	need(t, "nodejs", "node", "--version")
	for _, isClear := range []bool{false, true} {
		t.Run(map[bool]string{false: "TLS", true: "in the clear"}[isClear], func(t *testing.T) {
			s := start(t, isClear)
			s.try(run(t, "node", "client.js", s.behindHAProxy(isClear)), manners{})
		})
	}
}
