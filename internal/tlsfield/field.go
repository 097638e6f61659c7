// Package tlsfield is the way to fields of a tls.Conn that are not exported: crypto/tls
// gives no other one to have an open connection go on above another one.
package tlsfield

import (
	"crypto/tls"
	"reflect"
	"unsafe"
)

// A Field is one of tls.Conn, with a T in it. The zero value is one that is not known.
type Field[T any] struct {
	offset  uintptr
	isKnown bool
}

// Find finds a field of tls.Conn by its name and type: another version of Go may have
// another.
func Find[T any](name string) Field[T] { return FindIn[T](reflect.TypeFor[tls.Conn](), name) }

// FindIn finds a field of a struct that may be what tls.Conn is in another version of Go.
func FindIn[T any](in reflect.Type, name string) Field[T] {
	f, ok := in.FieldByName(name)
	return Field[T]{f.Offset, ok && len(f.Index) == 1 && f.Type == reflect.TypeFor[T]()}
}

// IsKnown reports whether there is such a field.
func (f Field[T]) IsKnown() bool { return f.isKnown }

// Of is the connection's field; nil if that is not known, or there is no connection. Nobody else may use the
// connection while it is changed.
func (f Field[T]) Of(c *tls.Conn) *T {
	if !f.isKnown || c == nil {
		return nil
	}
	return (*T)(unsafe.Add(unsafe.Pointer(c), f.offset)) //nolint:gosec // Find has found a T there
}
