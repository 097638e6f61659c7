package sse

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxChannelName is the longest name of a channel, in bytes.
const MaxChannelName = 256

// A ChannelError says what is wrong with a channel's name.
type ChannelError struct {
	Name string
	// Rule is the rule that the name breaks, as a sentence that does not repeat it:
	// clients may be told, though a part of the name may be none of theirs.
	Rule string
}

func (e *ChannelError) Error() string { return fmt.Sprintf("%s: %.100q", e.Rule, e.Name) }

// CheckChannel reports what is wrong with a channel's name, as a [*ChannelError].
// Names often come from URLs: they are 1 to [MaxChannelName] bytes of UTF-8
// without spaces and control characters, and none of those that Redis and
// gateways use themselves. Nothing in a name is a pattern: `*` is only a
// character.
func CheckChannel(name string) error {
	bad := func(rule string) error { return &ChannelError{name, rule} }
	switch {
	case name == "":
		return bad("a channel's name must not be empty")
	case len(name) > MaxChannelName:
		return bad(fmt.Sprintf("a channel's name must not be longer than %d bytes", MaxChannelName))
	case !utf8.ValidString(name):
		return bad("a channel's name must be UTF-8")
	case strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }):
		return bad("a channel's name must not hold spaces or control characters")
	}
	return CheckChannelPrefix(name)
}

// reservedPrefixes begin the names of channels that are not for events: Redis'
// keyspace and keyevent notifications, whose messages are names of keys, its
// Sentinels' and its client-side caching's, and the gateways' own.
var reservedPrefixes = []string{"__key", "__sentinel__:", "__redis__:", "sse."}

// CheckChannelPrefix reports whether names that begin so are reserved.
func CheckChannelPrefix(prefix string) error {
	for _, reserved := range reservedPrefixes {
		if strings.HasPrefix(prefix, reserved) {
			return &ChannelError{prefix, fmt.Sprintf("a channel's name must not begin with %s, which Redis or the gateway uses itself", reserved)}
		}
	}
	return nil
}
