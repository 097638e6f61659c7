package request

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/caddyserver/caddy/v2"
)

// A Template is a text in which placeholders are filled in at each request.
//
// If the text is JSON, values cannot change what it consists of: within a string
// they are escaped, and a placeholder that stands for a value of its own becomes
// one value: JSON as it stands, all else as a string.
type Template struct {
	text  string
	parts []part // of JSON; none: the text is not JSON
}

// A part of a template.
type part struct {
	text string
	kind partKind
}

type partKind int

const (
	literal partKind = iota // as it stands
	quoted                  // the text of a JSON string
	bare                    // a placeholder that stands for a JSON value, without its braces
)

// ParseTemplate reads a template. A text that begins as a JSON object, with a
// name in quotes, and is none, is a mistake.
func ParseTemplate(text string) (Template, error) {
	t := Template{text: text}
	parts, skeleton := splitJSON(text)
	switch {
	case !strings.Contains(text, "{"):
	case len(parts) == 1 && parts[0].kind == bare: // what it stands for is the text
	case json.Valid(skeleton):
		t.parts = parts
	case strings.HasPrefix(strings.TrimSpace(text), `{"`):
		return t, fmt.Errorf("the text begins like JSON, but is not JSON: %s", text)
	}
	return t, nil
}

// splitJSON splits a text at the placeholders that stand in JSON. The skeleton is
// the text with a value for each.
func splitJSON(text string) (parts []part, skeleton []byte) {
	text = strings.TrimSpace(text)
	from := 0 // of what stands as it is
	add := func(at, end int, p part, value string) {
		if at > from {
			parts = append(parts, part{text[from:at], literal})
			skeleton = append(skeleton, text[from:at]...)
		}
		if value != "" {
			parts = append(parts, p)
			skeleton = append(skeleton, value...)
		}
		from = end
	}
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			end := endOfString(text, i)
			var s string
			if strings.Contains(text[i:end], "{") && json.Unmarshal([]byte(text[i:end]), &s) == nil {
				add(i, end, part{s, quoted}, `""`)
			}
			i = end - 1
		case text[i] == '{' && i+1 < len(text) && !strings.ContainsRune("\"} \t\r\n", rune(text[i+1])):
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				break
			}
			add(i, i+end+1, part{text[i+1 : i+end], bare}, "null")
			i += end
		}
	}
	add(len(text), len(text), part{}, "")
	return parts, skeleton
}

// endOfString is where the JSON string ends that begins at i.
func endOfString(text string, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// Fill fills in the placeholders. Those in a text that nobody knows stay as they
// are: they may be none.
func (t Template) Fill(repl *caddy.Replacer) string {
	text, _ := t.fillBy(repl, repl.ReplaceKnown)
	return text
}

// FillJSON fills in the placeholders, without those that have no value, and returns one
// JSON value: a text that is none as a string. It reports whether what was filled in is
// UTF-8.
func (t Template) FillJSON(repl *caddy.Replacer) (value string, isUTF8 bool) {
	text, isUTF8 := t.fillBy(repl, repl.ReplaceAll)
	return jsonOf(text), isUTF8
}

// fillBy fills in the placeholders of texts by that function, and reports whether
// what was filled in is UTF-8.
func (t Template) fillBy(repl *caddy.Replacer, replace func(text, empty string) string) (text string, isUTF8 bool) {
	if t.parts == nil {
		text = replace(t.text, "")
		return text, utf8.ValidString(text)
	}
	isUTF8 = true
	var b strings.Builder
	for _, p := range t.parts {
		switch p.kind {
		case literal:
			b.WriteString(p.text)
		case quoted:
			text := replace(p.text, "")
			isUTF8 = isUTF8 && utf8.ValidString(text)
			b.WriteString(jsonText(text))
		case bare:
			value, _ := repl.Get(p.text)
			isUTF8 = isUTF8 && utf8.ValidString(caddy.ToString(value))
			b.WriteString(jsonOf(value))
		}
	}
	return b.String(), isUTF8
}

// jsonOf is a placeholder's value as one JSON value: a text that is JSON as it
// stands, any other as a string.
func jsonOf(value any) string {
	switch value := value.(type) {
	case nil, bool, int, int64, uint64, float64, json.Marshaler:
		if b, err := json.Marshal(value); err == nil {
			return string(b)
		}
	}
	text := caddy.ToString(value)
	if json.Valid([]byte(text)) && utf8.ValidString(text) {
		var b bytes.Buffer
		_ = json.Compact(&b, []byte(text)) // it is valid
		return b.String()
	}
	return jsonText(text)
}

// jsonText is a text as a JSON string, in which what is no UTF-8 becomes U+FFFD.
func jsonText(text string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string cannot fail
	return strings.TrimSuffix(b.String(), "\n")
}
