package command

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
)

// An event of a stream, as JSON has it.
type event struct {
	ID    string `json:"id,omitempty"`
	Event string `json:"event,omitempty"`
	Data  string `json:"data"`
}

// writeEvents reads a stream, and writes a line of JSON for each event. The
// gateway writes each field with a space after its colon, and lines end in one
// way, so that this need not read all that the HTML Standard allows.
func writeEvents(to io.Writer, from io.Reader) error {
	out, in := json.NewEncoder(to), bufio.NewReader(from)
	var e event
	var data []string
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF { //nolint:errorlint // it is returned as it is
			return nil
		}
		if err != nil {
			return err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.ID = value
		case "event":
			e.Event = value
		case "data":
			data = append(data, value)
		case "":
			if data == nil {
				continue // a comment, or an id alone
			}
			e.Data = strings.Join(data, "\n")
			if err := out.Encode(e); err != nil {
				return err
			}
			e, data = event{}, nil
		}
	}
}
