package presence

import "time"

const (
	// leftFor is for how long it is known who has left: a master may have failed over
	// meanwhile to one that had not been told.
	leftFor = 30 * time.Second
	// maxLeavers is of how many.
	maxLeavers = 10_000
)

// Leavers are who has left lately, the oldest first.
type leavers []leaver

type leaver struct {
	key key
	at  time.Time
}

func (l *leavers) add(k key) {
	l.forget()
	*l = append(*l, leaver{k, time.Now()})
}

// forget takes out who has left long ago, and the oldest of too many.
func (l *leavers) forget() {
	n := max(0, len(*l)+1-maxLeavers)
	for n < len(*l) && time.Since((*l)[n].at) > leftFor {
		n++
	}
	if *l = (*l)[n:]; len(*l) == 0 {
		*l = nil
	}
}
