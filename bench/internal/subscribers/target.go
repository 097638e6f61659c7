//go:build linux

package subscribers

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/sys/unix"
)

// A Target is what subscribers subscribe to.
type Target struct {
	// URL is what a subscriber gets, in which {channel} stands for its channel.
	URL string
	// HTTP2 is whether it does so by HTTP/2, with prior knowledge where the URL
	// is not https.
	HTTP2 bool
	// HTTP3 is whether it does so by HTTP/3.
	HTTP3 bool
	// PerConnection is how many subscribers share a connection; more than one
	// can by HTTP/2 and HTTP/3 only.
	PerConnection int
	// LastEventID is what those say who come back.
	LastEventID string
}

// An endpoint is a target made out.
type endpoint struct {
	Target
	tls     bool
	host    string // with the port, if it is named
	name    string // without
	address netip.AddrPort
	stalls  bool // has a receive buffer as small as the system has them
}

func (t Target) resolve() (*endpoint, error) {
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	e := &endpoint{Target: t, tls: u.Scheme == "https", host: u.Host, name: u.Hostname()}
	port := u.Port()
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%s is neither http:// nor https://", t.URL)
	case port == "" && e.tls:
		port = "443"
	case port == "":
		port = "80"
	}
	tcp, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(e.name, port))
	if err != nil {
		return nil, err
	}
	e.address = netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), tcp.AddrPort().Port())
	return e, nil
}

// sockaddr is the address for the kernel: a new one each time, for it is written
// to when it is used.
func (e *endpoint) sockaddr() (family int, address unix.Sockaddr) {
	ip, port := e.address.Addr(), int(e.address.Port())
	if ip.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Addr: ip.As4(), Port: port}
	}
	return unix.AF_INET6, &unix.SockaddrInet6{Addr: ip.As16(), Port: port}
}

// path is the request target for a channel.
func (e *endpoint) path(channel string) string {
	_, rest, _ := strings.Cut(e.URL, "://")
	_, path, _ := strings.Cut(rest, "/")
	return "/" + strings.ReplaceAll(path, "{channel}", channel)
}

// Channel is the name of the i-th channel, of as many.
func Channel(i int) string { return fmt.Sprintf("bench.%d", i) }
