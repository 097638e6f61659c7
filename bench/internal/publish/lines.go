package publish

import (
	"bytes"
	"context"
	"io"
)

// Lines publishes to a writer a line for each message, as the floor reads them:
// the channel, a space, the payload.
type Lines struct{ Writer io.Writer }

// Publish implements [Publisher].
func (l Lines) Publish(_ context.Context, messages []Message) error {
	var b bytes.Buffer
	for _, m := range messages {
		b.WriteString(m.Channel + " ")
		b.Write(m.Payload)
		b.WriteByte('\n')
	}
	_, err := l.Writer.Write(b.Bytes())
	return err
}
