//go:build linux

package subscribers

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Stall subscribes a crowd that never reads another byte, with receive buffers
// as small as the system has them.
func (s *Service) Stall(crowd Crowd, _ *int) error {
	e, err := crowd.Target.resolve()
	if err != nil {
		return err
	}
	if e.HTTP3 {
		return errors.New("over HTTP/3 nobody stalls: QUIC's buffers are the client's own")
	}
	e.stalls = true
	for i := range crowd.Subscribers {
		c, err := open(e, i, []*subscriber{{channel: uint32(i % crowd.Channels), of: uint32(crowd.Channels)}})
		if err != nil {
			return err
		}
		s.stalled = append(s.stalled, c)
	}
	return nil
}

// Stalled is how many of them the server has not closed yet.
func (s *Service) Stalled(_ int, open *int) error {
	for _, c := range s.stalled {
		fds := []unix.PollFd{{Fd: int32(c.socket.fd), Events: unix.POLLRDHUP}}
		if _, err := unix.Poll(fds, 0); err != nil {
			return err
		}
		if fds[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) == 0 {
			*open++
		}
	}
	return nil
}
