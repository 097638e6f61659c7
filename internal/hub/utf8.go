package hub

import (
	"unicode/utf8"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// check counts a content that is not UTF-8, which an event stream is. It goes out as
// it is, and browsers show what they cannot read as U+FFFD. Of each channel
// [Hub.NotUTF8] is called until it has been logged.
func (c *channel) check(content protocol.Content) {
	text, isBad := notUTF8(content)
	if !isBad {
		return
	}
	c.hub.notUTF8.Add(1)
	if c.hub.NotUTF8 != nil && !c.isLoggedNotUTF8 {
		c.isLoggedNotUTF8 = c.hub.NotUTF8(c.name, text)
	}
}

// notUTF8 finds the text in a content that is not.
func notUTF8(content protocol.Content) (text string, isBad bool) {
	switch content := content.(type) {
	case protocol.Payload:
		text = string(content)
		return text, !utf8.ValidString(text)
	case protocol.Entry:
		for _, text := range content.Fields {
			if !utf8.ValidString(text) {
				return text, true
			}
		}
	}
	return "", false
}
