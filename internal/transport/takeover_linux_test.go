package transport

import (
	"net"
	"reflect"
	"testing"
)

// Caddy's wrapper of connections is not exported: where another version has
// renamed it or its field, nothing panics, and it is noticed.
func TestUnwrap(t *testing.T) {
	t.Parallel()
	inner, _ := net.Pipe()
	type http2Conn struct{ net.Conn }
	type renamedConn struct{ net.Conn }
	type tlsStateConn struct{ net.Conn }
	known := &http2Conn{inner}
	renamed := &renamedConn{inner}
	state := tlsStateConn{inner}
	here := reflect.TypeOf(inner).Elem().PkgPath()
	for _, test := range []struct {
		name    string
		conn    net.Conn
		pkg     string
		want    net.Conn
		isKnown bool
	}{
		{"as it is in this version", known, thisPackage, inner, true},
		{"of another package", known, "example.com/other", known, true},
		{"the type renamed", renamed, thisPackage, renamed, false},
		{"the field renamed", fieldRenamed(inner), thisPackage, fieldRenamed(inner), false},
		{"the field of another type", fieldOfAnotherType(inner), thisPackage, fieldOfAnotherType(inner), false},
		{"the field empty", new(http2Conn), thisPackage, new(http2Conn), false},
		{"not wrapped", inner, thisPackage, inner, true},
		{"of a package whose connection it is not", inner, here, inner, false},
		{"around a listener wrapper's", state, thisPackage, state, true},
		{"none", nil, thisPackage, nil, true},
	} {
		got, isKnown := unwrap(test.conn, test.pkg)
		if !reflect.DeepEqual(got, test.want) || isKnown != test.isKnown {
			t.Errorf("%s: %T, known %t; want %T, %t", test.name, got, isKnown, test.want, test.isKnown)
		}
	}
}

type stub struct{}

var thisPackage = reflect.TypeFor[stub]().PkgPath()

func fieldRenamed(c net.Conn) net.Conn {
	type http2Conn struct {
		embedded
	}
	return &http2Conn{embedded{c}}
}

func fieldOfAnotherType(c net.Conn) net.Conn {
	type Conn struct{ net.Conn }
	type http2Conn struct{ Conn }
	return &http2Conn{Conn{c}}
}

type embedded struct{ Inner }

type Inner = net.Conn
