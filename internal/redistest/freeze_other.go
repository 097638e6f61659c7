//go:build !unix

package redistest

// Freeze skips the test: a process cannot be stopped here.
func (s *Server) Freeze() { s.t.Skip("there is no SIGSTOP here") }

// Thaw is not called.
func (s *Server) Thaw() {}
