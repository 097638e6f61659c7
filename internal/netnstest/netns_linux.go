// Package netnstest gives tests a network namespace: a client in it has its own
// route to this host, whose window and segments can be tiny, and it can vanish as
// a client does whose power fails.
package netnstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace, with one link to this host.
type Namespace struct {
	// Host is this host's IP address on the link.
	Host string

	t       testing.TB
	name    string
	address string
	file    *os.File
	drops   []string // what of a rule drops now
}

// New makes a namespace that lasts until the test ends. The options are those of
// its route to this host, such as "window", "200" (ip-route(8)). The test is
// skipped where ip(8) is missing or namespaces are not permitted.
func New(t testing.TB, options ...string) *Namespace {
	t.Helper()
	if _, err := exec.LookPath("ip"); err != nil {
		t.Skip("ip(8) is not installed: `make tools` installs it")
	}
	id := rand.N(1 << 15) // of a /30 network in 198.18.0.0/15, which RFC 2544 sets aside for tests
	network := func(host int) string {
		n := id<<2 + host
		return fmt.Sprintf("198.%d.%d.%d", 18+n>>16, n>>8&0xff, n&0xff)
	}
	n := &Namespace{t: t, Host: network(1), address: network(2), name: fmt.Sprint("sse", id)}
	if out, err := exec.Command("ip", "netns", "add", n.name).CombinedOutput(); err != nil {
		t.Skipf("no right to make a network namespace: %s", out)
	}
	t.Cleanup(func() { n.ip("netns", "del", n.name) }) // with its link
	here, there := n.name+"h", n.name+"c"
	n.ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", n.name)
	n.ip("addr", "add", n.Host+"/30", "dev", here)
	n.ip("link", "set", here, "up")
	n.ip("-n", n.name, "addr", "add", n.address+"/30", "dev", there)
	n.ip("-n", n.name, "link", "set", there, "up")
	n.ip(append([]string{"-n", n.name, "route", "add", n.Host + "/32", "dev", there}, options...)...)
	var err error
	if n.file, err = os.Open("/run/netns/" + n.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.file.Close() })
	// The rule by which packets for the namespace itself are taken comes first
	// otherwise: see Drop.
	n.ip("-n", n.name, "rule", "add", "pref", "100", "lookup", "local")
	n.ip("-n", n.name, "rule", "del", "pref", "0")
	return n
}

// Vanish drops whatever the namespace's clients send from now on, their
// acknowledgements too.
func (n *Namespace) Vanish() {
	n.t.Helper()
	n.ip("-n", n.name, "route", "replace", "blackhole", n.Host+"/32")
}

// Drop loses, without a word to anybody, all packets that come to the namespace, or
// that it sends, or both, until it is called again.
func (n *Namespace) Drop(in, out bool) {
	n.t.Helper()
	for _, from := range n.drops {
		n.ip("-n", n.name, "rule", "del", "pref", "10", "iif", from, "blackhole")
	}
	n.drops = nil
	if in {
		n.drops = append(n.drops, n.name+"c")
	}
	if out {
		n.drops = append(n.drops, "lo") // where what is sent comes from
	}
	for _, from := range n.drops {
		n.ip("-n", n.name, "rule", "add", "pref", "10", "iif", from, "blackhole")
	}
}

// Limit has so much pass out of the namespace, as tc(8) writes it: "64kbit". It skips
// the test where the kernel has no token buckets.
func (n *Namespace) Limit(rate string) {
	n.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", n.name, "tc", "qdisc", "replace", "dev", n.name+"c", "root",
		"tbf", "rate", rate, "burst", "64k", "limit", "1m").CombinedOutput()
	if err != nil {
		n.t.Skipf("no token buckets: %s", out)
	}
}

// Listen takes TCP connections inside the namespace, from this host.
func (n *Namespace) Listen() (l net.Listener, err error) {
	n.inside(func() { l, err = net.Listen("tcp", n.address+":0") })
	return l, err
}

// DialContext connects from inside the namespace to a port of this host. It is
// for http.Transport, and the host of the address does not matter.
func (n *Namespace) DialContext(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n.inside(func() { conn, err = new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(n.Host, port)) })
	return conn, err
}

// ListenPacket is a UDP socket inside the namespace.
func (n *Namespace) ListenPacket() (conn net.PacketConn, err error) {
	n.inside(func() { conn, err = net.ListenPacket("udp4", ":0") })
	return conn, err
}

// inside calls f on a thread that is in the namespace. A socket stays in the
// namespace in which it was made.
func (n *Namespace) inside(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			n.t.Errorf("setns: %v", err)
			return
		}
		f()
	}()
	<-done
}

func (n *Namespace) ip(args ...string) {
	n.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		n.t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
