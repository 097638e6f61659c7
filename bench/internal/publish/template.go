package publish

import (
	"net/url"
	"strings"
)

// fill is a template with the message's channel in it. An empty one is the
// channel.
func fill(template string, m Message) string {
	if template == "" {
		return m.Channel
	}
	return strings.ReplaceAll(template, "{channel}", m.Channel)
}

// fillForm is a template of a form with the message's channel and payload in it.
func fillForm(template string, m Message) string {
	return strings.NewReplacer(
		"{channel}", url.QueryEscape(m.Channel),
		"{payload}", url.QueryEscape(string(m.Payload)),
	).Replace(template)
}
