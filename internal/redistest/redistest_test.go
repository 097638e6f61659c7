package redistest

import (
	"net"
	"testing"
)

// Something that is no test may take a port between the look and the use.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := Stopped(t)
	first := s.Addr
	l, err := net.Listen("tcp", first)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.start()
	if s.Addr == first {
		t.Error("the server is said to run at an address that is another's")
	}
	s.Do("PING")
}
