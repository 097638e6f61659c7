package freeport

import (
	"errors"
	"time"
)

// ErrInUse is the reason for which a server does not start whose address has been
// taken by something that is no test: it comes between the claim and the use.
var ErrInUse = errors.New("an address is in use")

// Start runs a server for the first time. If its address is in use, it is given
// another by move, three times at most.
func Start(run func() error, move func()) error {
	err := run()
	for range 3 {
		if !errors.Is(err, ErrInUse) {
			break
		}
		move()
		err = run()
	}
	return err
}

// Restart runs a server again at the address that it had, for which it waits 10
// seconds at most.
func Restart(run func() error) error {
	err := run()
	for deadline := time.Now().Add(10 * time.Second); errors.Is(err, ErrInUse) && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
		err = run()
	}
	return err
}
