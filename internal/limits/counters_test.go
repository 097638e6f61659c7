package limits

import "testing"

// A counter stays as long as a configuration holds it or somebody is in, no matter who goes
// last.
func TestCounters(t *testing.T) {
	t.Parallel()
	for name, holdersGoFirst := range map[string]bool{"holders first": true, "subscribers first": false} {
		var counters Counters
		counter, release := counters.Hold("a")
		again, releaseAgain := counters.Hold("a")
		other, releaseOther := counters.Hold("b")
		if counter != again || counter == other {
			t.Fatal(name, ": a name is not a counter")
		}
		permit, _ := Admit([]Scope{{counter, Limits{Subscribers: 1}}}, ann, 1)
		releaseOther()
		release()
		if n := counters.Len(); n != 1 {
			t.Errorf("%s: %d counters are left of a, and b", name, n)
		}
		if holdersGoFirst {
			releaseAgain()
		} else {
			permit.Leave()
		}
		if still, release := counters.Hold("a"); still != counter {
			t.Errorf("%s: a counter that is in use was forgotten", name)
		} else {
			release()
		}
		if holdersGoFirst {
			permit.Leave()
		} else {
			releaseAgain()
		}
		if n := counters.Len(); n != 0 {
			t.Errorf("%s: %d counters are left of none in use", name, n)
		}
	}
}
