package transport

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"github.com/caddy-sse/caddy-sse/internal/tlsfield"
)

// tlsFields are the fields of a tls.Conn that a [tlsLayer] changes.
type tlsFields struct {
	conn           tlsfield.Field[net.Conn]
	config         tlsfield.Field[*tls.Config]
	rawInput, hand tlsfield.Field[bytes.Buffer] // records and handshake messages that are not read whole
	input          tlsfield.Field[bytes.Reader] // the rest of a record of data, in the memory of rawInput

	// What the handshake has found out, of which nobody asks the connection any more.
	exporter     tlsfield.Field[func(string, []byte, int) ([]byte, error)]
	certificates tlsfield.Field[[]*x509.Certificate]
	chains       tlsfield.Field[[][]*x509.Certificate]
}

func findTLSFields(in reflect.Type) tlsFields {
	return tlsFields{
		conn:     tlsfield.FindIn[net.Conn](in, "conn"),
		config:   tlsfield.FindIn[*tls.Config](in, "config"),
		rawInput: tlsfield.FindIn[bytes.Buffer](in, "rawInput"),
		hand:     tlsfield.FindIn[bytes.Buffer](in, "hand"),
		input:    tlsfield.FindIn[bytes.Reader](in, "input"),

		exporter:     tlsfield.FindIn[func(string, []byte, int) ([]byte, error)](in, "ekm"),
		certificates: tlsfield.FindIn[[]*x509.Certificate](in, "peerCertificates"),
		chains:       tlsfield.FindIn[[][]*x509.Certificate](in, "verifiedChains"),
	}
}

var tlsHas = findTLSFields(reflect.TypeFor[tls.Conn]())

// inputSize is how much memory a connection has for what is read.
func (f *tlsFields) inputSize(c *tls.Conn) (n int) {
	for _, f := range []tlsfield.Field[bytes.Buffer]{f.rawInput, f.hand} {
		if b := f.Of(c); b != nil {
			n += b.Cap()
		}
	}
	return n
}

// dropInput lets go of memory for what is read: where nothing is in it, or, if nothing is
// to be read any more, in any case.
func (f *tlsFields) dropInput(c *tls.Conn, isOver bool) {
	for _, f := range []tlsfield.Field[bytes.Buffer]{f.rawInput, f.hand} {
		if b := f.Of(c); b != nil && (isOver || b.Len() == 0) {
			*b = bytes.Buffer{}
		}
	}
	if r := f.input.Of(c); r != nil && isOver {
		*r = bytes.Reader{}
	}
}

// dropState lets go of what the handshake has found out.
func (f *tlsFields) dropState(c *tls.Conn) {
	if exporter := f.exporter.Of(c); exporter != nil {
		*exporter = nil
	}
	if certificates := f.certificates.Of(c); certificates != nil {
		*certificates = nil
	}
	if chains := f.chains.Of(c); chains != nil {
		*chains = nil
	}
}

// isAllKnown reports whether nothing stays that an open subscription does not need.
func (f *tlsFields) isAllKnown() bool {
	return f.config.IsKnown() && f.rawInput.IsKnown() && f.hand.IsKnown() && f.input.IsKnown() &&
		f.exporter.IsKnown() && f.certificates.IsKnown() && f.chains.IsKnown()
}

// takesTLS reports whether TLS connections can be taken over. What that leans on in
// crypto/tls is tried out once; where it is not as expected, the log says so.
var takesTLS = sync.OnceValue(func() bool {
	log := caddy.Log().Named("sse")
	if err := tlsHas.check(); err != nil {
		log.Warn("this version of Go has TLS connections that are not known here: subscribers over HTTP/1.1 with TLS "+
			"take a goroutine each, as over HTTP/2", zap.Error(err))
		return false
	}
	if !tlsHas.isAllKnown() {
		log.Warn("this version of Go has TLS connections of which not all is known here: subscribers over TLS take more memory")
	}
	return true
})

// check tries a connection of this process to itself.
func (f *tlsFields) check() error {
	if !f.conn.IsKnown() {
		return errors.New("tls.Conn has no conn")
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	here, there := os.NewFile(uintptr(fds[0]), ""), os.NewFile(uintptr(fds[1]), "")
	defer func() { _ = here.Close() }()
	defer func() { _ = there.Close() }()
	server, client, err := handshake(here, there)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	before := server.NetConn()
	defer before.Close()
	l := new(tlsLayer)
	l.take(server, fds[0])
	if server.NetConn() != net.Conn(l) {
		return errors.New("the connection beneath is another")
	}
	if err := l.listen(); err != nil || l.deaf {
		return fmt.Errorf("reading nothing: %w", err)
	}
	got := make([]byte, 2)
	if _, _, err := l.write([]byte("hi")); err != nil || len(l.sealed) > 0 {
		return fmt.Errorf("writing: %w", err)
	}
	if _, err := client.Read(got); err != nil || string(got) != "hi" {
		return fmt.Errorf("the client reads %q: %w", got, err)
	}
	if err := client.CloseWrite(); err != nil {
		return err
	}
	if err := l.listen(); err != ErrLeft {
		return fmt.Errorf("reading that the client leaves: %w", err)
	}
	return nil
}

// handshake connects two sockets by TLS.
func handshake(here, there *os.File) (server, client *tls.Conn, err error) {
	certificate, err := someCertificate()
	if err != nil {
		return nil, nil, err
	}
	beneathServer, err := net.FileConn(here)
	if err != nil {
		return nil, nil, err
	}
	beneathClient, err := net.FileConn(there)
	if err != nil {
		return nil, nil, err
	}
	limit := time.Now().Add(10 * time.Second)
	_, _ = beneathServer.SetDeadline(limit), beneathClient.SetDeadline(limit) // a socket has deadlines
	server = tls.Server(beneathServer, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	client = tls.Client(beneathClient, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // it speaks to itself
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }()
	return server, client, errors.Join(server.Handshake(), <-done)
}

func someCertificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
