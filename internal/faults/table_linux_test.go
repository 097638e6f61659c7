package faults

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	docs = "../../docs/reliability.md"
	head = "| Fault | Noticed after | Over, after its end | A channel | A channel with history |\n|---|---|---|---|---|\n"
)

// writeTable puts the results in the place of the table of the docs.
func writeTable(t *testing.T, results map[string]result) {
	t.Helper()
	page, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), head)
	if !found {
		t.Fatalf("%s has no table that begins with\n%s", docs, head)
	}
	after := regexp.MustCompile(`\A(\|.*\n)*`).ReplaceAllString(rest, "")
	var table strings.Builder
	for _, f := range faults {
		r := results[f.name]
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", f.name, f.noticed(r), seconds(r.repaired), r.live, r.history)
	}
	if err := os.WriteFile(docs, []byte(before+head+table.String()+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *fault) noticed(r result) string {
	switch {
	case r.wasNoticed:
		return seconds(r.noticed)
	case f.isBrief:
		return "too short to see"
	}
	return "not: events arrive"
}

// String is what a cell of the table says.
func (r told) String() string {
	var all []string
	switch {
	case r.gaps == 1:
		all = append(all, fmt.Sprintf("one gap, told %s after the end", seconds(r.gapAfter)))
	case r.gaps > 1:
		all = append(all, fmt.Sprint(r.gaps, " gaps"))
	}
	if r.missed > 0 {
		all = append(all, fmt.Sprintf("%d missed", r.missed))
	} else {
		all = append(all, "nothing missed")
	}
	if r.late > 0 {
		all = append(all, fmt.Sprintf("%d late, by %s at most", r.late, seconds(r.latest)))
	}
	return strings.Join(all, "; ")
}

// The table has a row for each fault, in their order.
func TestTableHasEachFault(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), head)
	var rows, names []string
	for line := range strings.Lines(rest) {
		cells := strings.Split(line, " | ")
		if len(cells) != 5 {
			break
		}
		rows = append(rows, strings.TrimPrefix(cells[0], "| "))
	}
	for _, f := range faults {
		names = append(names, f.name)
	}
	if !slices.Equal(rows, names) {
		t.Errorf("the table of %s is of\n%s\nnot of\n%s\n`make faults` writes it", docs, strings.Join(rows, "\n"), strings.Join(names, "\n"))
	}
}
