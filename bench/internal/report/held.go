package report

import (
	"fmt"
	"io"
)

// Held is what a gateway holds in a phase.
type Held struct {
	Phase string `json:"phase"`
	// Heap is what is reachable, without what was before; Memory is all that the
	// process has in RAM and no file backs; in bytes.
	Heap   int64 `json:"heap"`
	Memory int64 `json:"memory"`
}

// HeldTable writes a table of Markdown.
func HeldTable(w io.Writer, phases []Held, channels int) error {
	rows := [][]string{{"channels are", "heap, MiB", "heap per channel, KiB", "process, MiB"}}
	for _, p := range phases {
		rows = append(rows, []string{
			p.Phase,
			fmt.Sprintf("%.1f", float64(p.Heap)/(1<<20)),
			fmt.Sprintf("%.2f", float64(p.Heap)/1024/float64(channels)),
			fmt.Sprintf("%.0f", float64(p.Memory)/(1<<20)),
		})
	}
	_, err := io.WriteString(w, align(rows))
	return err
}
