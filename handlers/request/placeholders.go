package request

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ours finds the placeholders that begin with sse., and what escapes one.
var ours = regexp.MustCompile(`\\?\{(sse\.[^{}]*)\}`)

// The placeholders of ours. Those whose names end with a dot have the rest of it from
// the configuration.
const (
	// EventChannel is the channel of an event, in its type.
	EventChannel = "sse.channel"
	// FormField begins those of a form's fields, with the name of one:
	// {sse.form.message}.
	FormField = "sse.form."
	// ResponseJSON begins those of a JSON answer's values, with the path to one:
	// {sse.response.json.message.roomId}, {sse.response.json.ids.0}.
	ResponseJSON = "sse.response.json."
	// RequestJSON begins those of the values of a request's JSON, in the same way.
	RequestJSON = "sse.request.json."
	// RelayID is an ID that is made for the request.
	RelayID = "sse.relay.id"
)

// CheckPlaceholders reports a placeholder of ours that never has a value in the
// texts, where only these have one, or those that begin with these if they end with
// a dot. Each would be refused, or stand there as it is, at every request.
func CheckPlaceholders(known []string, texts ...string) error {
	for _, text := range texts {
		for _, found := range ours.FindAllStringSubmatch(text, -1) {
			isEscaped := found[0][0] == '\\'
			if name := found[1]; !isEscaped && !isKnown(name, known) {
				return fmt.Errorf("{%s} has no value here: %s", name, whereItHas(name))
			}
		}
	}
	return nil
}

func isKnown(name string, known []string) bool {
	return slices.ContainsFunc(known, func(k string) bool {
		if strings.HasSuffix(k, ".") {
			return len(name) > len(k) && strings.HasPrefix(name, k)
		}
		return name == k
	})
}

// whereItHas says where a placeholder of ours has a value.
func whereItHas(name string) string {
	switch {
	case name == EventChannel:
		return "it has one in event of sse_subscribe"
	case isKnown(name, []string{FormField}):
		return "it has one in sse_publish without from_response"
	case isKnown(name, []string{ResponseJSON}):
		return "it has one in sse_publish with from_response"
	case isKnown(name, []string{RequestJSON, RelayID}):
		return "it has one in sse_relay"
	}
	return "there are {sse.channel}, {sse.form.<name>}, {sse.response.json.<path>}, {sse.request.json.<path>} and {sse.relay.id}"
}
