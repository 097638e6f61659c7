package torture

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// A tally judges, as they come, the numbers that one subscriber of a live
// channel hears.
type tally struct {
	name    string // with its channel
	channel string
	report  *report
	// lossless says that a gap does not excuse a missing number.
	lossless bool
	// brief says that the channel ends while the subscriber is away, so that a gap
	// excuses all that was published meanwhile, the last number, too.
	brief bool
	// cuts says that it comes back with IDs that tell too little, so that a gap
	// excuses the last number, too.
	cuts bool

	// moves says that the newest number may come twice: a master hands on by the cluster's
	// bus what its replica, which is the channel's master by then, sends once more.
	moves bool

	// stayers are those of the channel who stay, by their gateways.
	stayers map[int]*tally

	mu       sync.Mutex
	visits   int
	gateway  int
	lastID   string
	from     int  // the gateway that gave the last ID
	previous int  // number on this connection; 0: none
	last     int  // the highest number; 0: none
	lastFrom int  // the gateway that gave it
	again    bool // numbers up to the last may come again, from this other gateway
	excused  bool // by a gap, since the last number
	isAhead  bool // of what the gateway is known to have received when it came to it

	repeated, gaps, needless, excusedLost int
}

// dialing looks, before the subscriber comes to a gateway, whether that has received its
// last number: if so, who stays there has had it already. Before its first number there is
// nothing by which another gateway could know where it was.
func (a *tally) dialing(gateway int) {
	there := a.stayers[gateway].newest()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.isAhead = a.last == 0 || a.last > there
}

func (a *tally) newest() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

func (a *tally) opened(gateway int, lastID string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.visits++
	// One that has not heard as much gives an ID of its own, and the rest later.
	a.again = a.lastID != "" && (gateway != a.from || a.last > 0 && gateway != a.lastFrom)
	a.gateway, a.lastID, a.previous = gateway, lastID, 0
}

func (a *tally) heard(e event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.id != a.lastID {
		a.lastID, a.from = e.id, a.gateway
	}
	switch {
	case e.data == nil:
	case e.kind == protocol.GapType:
		a.hearGap(e.data)
	default:
		n := number(e.data)
		if e.kind != "" || e.id == "" || n == 0 || string(e.data) != payload(a.channel, n) {
			a.add(strange, "id %q, event %q, data %.80q", e.id, e.kind, e.data)
			return
		}
		a.hearNumber(n)
	}
}

func (a *tally) hearGap(data []byte) {
	var g protocol.Gap
	if json.Unmarshal(data, &g) != nil || g.Channel != a.channel {
		a.add(strange, "the gap %s", data)
		return
	}
	a.gaps++
	if !a.isAhead {
		a.needless++
	}
	a.excused = true
}

func (a *tally) hearNumber(n int) {
	missing := n - a.last - 1
	switch {
	case n == a.previous && a.moves:
		a.repeated++
	case n == a.previous || n <= a.last && !a.again:
		a.add(twice, "%d", n)
	case n < a.previous:
		a.add(outOfOrder, "%d", n)
	case n <= a.last:
		a.repeated++
	case missing == 0 || a.last == 0:
	case a.lossless:
		a.add(lost, "%d numbers before %d, with a gap: %t", missing, n, a.excused)
	case !a.excused:
		a.add(unsaid, "%d numbers before %d", missing, n)
	default:
		a.excusedLost += missing
	}
	if n > a.last {
		a.last, a.lastFrom, a.again, a.excused = n, a.gateway, false, false
	}
	a.previous = n
}

func (a *tally) add(k kind, format string, args ...any) {
	now := time.Now()
	a.report.add(k, a.name, "%s; it had heard %d, and %d on this connection, its %d., to gateway %d; the last ID was of gateway %d; at %s, the last fault: %s",
		fmt.Sprintf(format, args...), a.last, a.previous, a.visits, a.gateway, a.from, a.report.diary.at(now), a.report.diary.before(now))
}

// finish judges how far it has come.
func (a *tally) finish(last int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.last < last && !((a.brief || a.cuts) && a.excused) {
		a.add(lost, "all up to %d", last)
	}
}

func (a *tally) hasOpened() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.visits > 0
}

func (a *tally) isAtEnd(last int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last == last || (a.brief || a.cuts) && a.excused
}

// payload is what is published as number n: it is unique.
func payload(channel string, n int) string {
	return fmt.Sprintf("%d of %s%s", n, channel, strings.Repeat("\n....", n*7%23))
}

// number is the number of a payload, or 0.
func number(data []byte) int {
	digits, _, _ := strings.Cut(string(data), " ")
	n, _ := strconv.Atoi(digits) // 0 is none
	return n
}
