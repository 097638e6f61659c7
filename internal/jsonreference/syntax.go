package jsonreference

import (
	"regexp"
	"slices"
	"strings"
)

// A line is one of the Caddyfile's syntax, with those of its block.
type line struct {
	text  string
	block []*line
}

// syntaxOf reads the syntax in a doc comment of UnmarshalCaddyfile; nil if there is
// none.
func syntaxOf(doc string) *line {
	root := new(line)
	open := []*line{root}
	for _, text := range strings.Split(doc, "\n") {
		trimmed := strings.TrimSpace(text)
		switch depth := len(text) - len(strings.TrimLeft(text, "\t")); {
		case depth == 0 || depth > len(open):
		case trimmed == "}":
		default:
			l := &line{text: strings.TrimSuffix(trimmed, " {")}
			open = append(open[:depth], l)
			open[depth-1].block = append(open[depth-1].block, l)
		}
	}
	if len(root.block) == 0 {
		return nil
	}
	return root.block[0]
}

// String is the line, with a sign of its block.
func (l *line) String() string {
	if len(l.block) > 0 {
		return l.text + " { … }"
	}
	return l.text
}

// name is the line's first word.
func (l *line) name() string {
	name, _, _ := strings.Cut(l.text, " ")
	return name
}

// named are the lines of the block that begin with that name.
func (l *line) named(name string) (lines []*line) {
	if l == nil {
		return nil
	}
	for _, inner := range l.block {
		if inner.name() == name {
			lines = append(lines, inner)
		}
	}
	return lines
}

// of is what the Caddyfile has for a field: a line of the block; one of the lines
// whose block it is, if the field is among its words; or, for a list, a line that has
// one of it. Empty: it has nothing.
func of(field string, lines []*line) string {
	isWord := regexp.MustCompile(`\b` + field + `\b`)
	for _, name := range []string{field, strings.TrimSuffix(field, "s")} {
		for _, l := range lines {
			if own := l.named(name); len(own) > 0 {
				return own[0].String()
			}
		}
		i := slices.IndexFunc(lines, func(l *line) bool {
			_, words, _ := strings.Cut(l.text, " ")
			return isWord.MatchString(words)
		})
		if i >= 0 {
			return lines[i].text
		}
	}
	return ""
}
