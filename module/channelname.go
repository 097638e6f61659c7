package sse

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxChannelName is the longest name of a channel, in bytes.
const MaxChannelName = 256

// CheckChannel reports what is wrong with a channel's name. Names often come
// from URLs: they are 1 to [MaxChannelName] bytes of UTF-8 without spaces and
// control characters. Nothing in a name is a pattern: `*` is only a character.
func CheckChannel(name string) error {
	switch {
	case name == "":
		return errors.New("a channel's name must not be empty")
	case len(name) > MaxChannelName:
		return fmt.Errorf("a channel's name must not be longer than %d bytes: this one has %d", MaxChannelName, len(name))
	case !utf8.ValidString(name):
		return fmt.Errorf("a channel's name must be UTF-8: %q is not", name)
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) {
			return fmt.Errorf("a channel's name must not hold spaces or control characters: %q does", name)
		}
	}
	return nil
}
