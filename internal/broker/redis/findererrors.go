package redisbroker

import (
	"fmt"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"go.uber.org/zap"
)

// A findError is why no master is known.
type findError struct {
	text  string // a sentence for operators
	cause broker.Cause
	err   error // may be nil
}

func (e *findError) Error() string {
	if e.err == nil {
		return e.text
	}
	return e.text + ": " + e.err.Error()
}

func (e *findError) Unwrap() error { return e.err }

// whyNone is why no master is known. It is called with the lock held.
func (f *finder) whyNone(refused error) error {
	if refused != nil {
		text := "the server that the sentinels name as the master cannot be used: " + describe(refused)
		if causeOf(refused) == broker.CauseReplica {
			text = "the server that the sentinels name as the master is a replica"
		}
		return &findError{text, causeOf(refused), refused}
	}
	why := &findError{"no sentinel says where redis' master is", broker.CauseUnreachable, nil}
	for _, s := range f.states {
		if err := s.report.err; err != nil {
			why.text = fmt.Sprintf("no sentinel says where redis' master is; of one of %d: %s", len(f.states), sentinelProblem(err))
			why.err = err
			break
		}
	}
	return why
}

// complain logs, once, why sentinels are of no use, and when they are again.
func (f *finder) complain() {
	type line struct {
		addr, problem, named string
		err                  error
	}
	var lines []line
	f.mu.Lock()
	for i := range f.states {
		s := &f.states[i]
		if s.report.at.IsZero() {
			continue
		}
		problem := sentinelProblem(s.report.err)
		if s.report.err != nil || s.report.addr == f.addr || f.addr == "" {
			s.differs = time.Time{}
		} else if s.differs.IsZero() {
			s.differs = time.Now()
		} else if time.Since(s.differs) > disagreeFor {
			problem = "it names another master than the others, or one that is none"
		}
		if problem != s.problem {
			s.problem = problem
			lines = append(lines, line{f.sentinels[i].addr, problem, s.report.addr, s.report.err})
		}
	}
	f.mu.Unlock()
	for _, l := range lines {
		if l.problem == "" {
			f.broker.log().Info("a sentinel is of use again", zap.String("sentinel", l.addr))
			continue
		}
		f.broker.log().Warn("a sentinel is of no use: "+l.problem, zap.String("sentinel", l.addr),
			zap.String("master", f.name), zap.String("names", l.named), zap.Error(l.err))
	}
}

// warning says that sentinels are of no use, though the master is known; empty if all
// are of use. A finder that is nil has none.
func (f *finder) warning() string {
	if f == nil {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n, problem := 0, ""
	for _, s := range f.states {
		if s.problem != "" {
			n++
			problem = s.problem
		}
	}
	switch {
	case n == 0:
		return ""
	case n == len(f.states):
		return "no sentinel is of use, so that a fail-over would not be noticed; of one: " + problem
	}
	return fmt.Sprintf("%d of %d sentinels are of no use; of one: %s", n, len(f.states), problem)
}
