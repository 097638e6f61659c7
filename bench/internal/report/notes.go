package report

import (
	"fmt"
	"strings"
)

// busyElsewhere is from how many cores on something else may have slowed down
// what was measured.
const busyElsewhere = 0.15

// notes say where deliveries failed, and where the machine was not the bench's.
func notes(results []Result) string {
	var b strings.Builder
	note := func(format string, args ...any) { fmt.Fprintf(&b, "- "+format+"\n", args...) }
	for _, r := range results {
		m := r.Median
		if m.Missing > 0 {
			note("%s: %d of %d deliveries never came.", r.Server, m.Missing, m.Missing+m.Received)
		}
		if m.Repeated > 0 {
			note("%s: %d deliveries came twice, or out of order.", r.Server, m.Repeated)
		}
		if m.Ended > 0 {
			note("%s: %d connections ended early, the first with %q.", r.Server, m.Ended, m.Failure)
		}
		if m.Stalled > 0 {
			note("%s: %d who stalled were still there at the end.", r.Server, m.Stalled)
		}
		for i, s := range r.Samples {
			if s.OtherCores > busyElsewhere {
				note("%s, round %d: something else kept %.2f cores busy.", r.Server, i+1, s.OtherCores)
			}
		}
	}
	if b.Len() == 0 {
		return "\nEvery subscriber got every message, once and in order.\n"
	}
	return "\n" + b.String()
}
