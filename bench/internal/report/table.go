package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Floor is the server that the others are compared with.
const Floor = "floor"

// Table writes results as a table of Markdown, aligned for a terminal, and
// below it what should make one doubt them.
func Table(w io.Writer, results []Result) error {
	var floor *Sample
	for i := range results {
		if results[i].Server == Floor {
			floor = &results[i].Median
		}
	}
	rows := [][]string{{"server"}}
	for _, m := range metrics {
		rows[0] = append(rows[0], m.heading)
	}
	rows[0] = append(rows[0], "lost")
	for i := range results {
		row := []string{results[i].Server}
		for _, m := range metrics {
			row = append(row, cell(m, &results[i].Median, floor))
		}
		rows = append(rows, append(row, strconv.FormatUint(results[i].Median.Missing, 10)))
	}
	_, err := io.WriteString(w, align(rows)+notes(results))
	return err
}

// cell is a value, and how many times the floor's it is.
func cell[S any](m metric[S], s, floor *S) string {
	text := strconv.FormatFloat(*m.of(s), 'f', m.digits, 64)
	if floor == nil || *m.of(floor) < m.least {
		return text
	}
	return fmt.Sprintf("%s (%.2f×)", text, *m.of(s)/(*m.of(floor)))
}

func align(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, text := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if i == 0 {
				b.WriteString("| " + text + padding + " |")
			} else {
				b.WriteString(" " + padding + text + " |")
			}
		}
		b.WriteByte('\n')
		if n > 0 {
			continue
		}
		for i, width := range widths {
			if i == 0 {
				b.WriteString("|" + strings.Repeat("-", width+2) + "|")
			} else {
				b.WriteString(strings.Repeat("-", width+1) + ":|")
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
