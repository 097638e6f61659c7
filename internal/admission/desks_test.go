package admission

import "testing"

// A desk stays as long as a configuration holds it or somebody is in, whoever goes
// last.
func TestDesks(t *testing.T) {
	t.Parallel()
	for name, holdersGoFirst := range map[string]bool{"holders first": true, "subscribers first": false} {
		var desks Desks
		desk, release := desks.Hold("a")
		again, releaseAgain := desks.Hold("a")
		other, releaseOther := desks.Hold("b")
		if desk != again || desk == other {
			t.Fatal(name, ": a name is not a desk")
		}
		ticket, _ := Admit([]Scope{{desk, Limits{Subscribers: 1}}}, ann, 1)
		releaseOther()
		release()
		if n := desks.Len(); n != 1 {
			t.Errorf("%s: %d desks are left of a, and b", name, n)
		}
		if holdersGoFirst {
			releaseAgain()
		} else {
			ticket.Leave()
		}
		if still, release := desks.Hold("a"); still != desk {
			t.Errorf("%s: a desk that is in use was forgotten", name)
		} else {
			release()
		}
		if holdersGoFirst {
			ticket.Leave()
		} else {
			releaseAgain()
		}
		if n := desks.Len(); n != 0 {
			t.Errorf("%s: %d desks are left of none in use", name, n)
		}
	}
}
