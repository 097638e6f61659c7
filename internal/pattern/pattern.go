// Package pattern matches channels' names against patterns with a wildcard.
package pattern

import "strings"

// Wildcard stands for any characters, also for none, in the text of a pattern.
const Wildcard = '*'

// A Pattern is the texts between the wildcards of a pattern: one text if there is none. It
// matches nothing but itself then. Its zero value matches nothing. It is safe for concurrent
// use as long as nobody appends to it.
type Pattern []string

// Parse reads a pattern, in which each `*` is a wildcard, and all else stands for itself.
func Parse(text string) Pattern { return strings.Split(text, string(Wildcard)) }

// Append appends text to the pattern, of which nothing is a wildcard.
func (p Pattern) Append(literal string) Pattern {
	if len(p) == 0 {
		return Pattern{literal}
	}
	p[len(p)-1] += literal
	return p
}

// Join appends another pattern.
func (p Pattern) Join(other Pattern) Pattern {
	if len(other) == 0 {
		return p
	}
	return append(p.Append(other[0]), other[1:]...)
}

// Match reports whether the whole name is as the pattern has it. It takes a time that grows
// with the lengths of both, multiplied, at most: no wildcard is tried twice.
func (p Pattern) Match(name string) bool {
	if len(p) == 0 {
		return false
	}
	first, last := p[0], p[len(p)-1]
	if len(p) == 1 {
		return name == first
	}
	if len(name) < len(first)+len(last) || !strings.HasPrefix(name, first) || !strings.HasSuffix(name, last) {
		return false
	}
	name = name[len(first) : len(name)-len(last)]
	for _, text := range p[1 : len(p)-1] {
		// The first place is as good as any: what comes after it is the longest.
		_, after, found := strings.Cut(name, text)
		if !found {
			return false
		}
		name = after
	}
	return true
}
