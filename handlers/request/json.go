package request

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
)

// JSONPlaceholders are those of a JSON text, which begin so. What is not there is empty,
// which a channel's name refuses.
func JSONPlaceholders(prefix string, text []byte) caddy.ReplacerFunc {
	parse := sync.OnceValue(func() (v any) {
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return nil // there is nothing in it
		}
		return v
	})
	return func(key string) (any, bool) {
		path, ok := strings.CutPrefix(key, prefix)
		if !ok {
			return nil, false
		}
		return jsonValue{valueAt(parse(), path)}, true
	}
}

// A jsonValue is a placeholder's value that was read from JSON: in a text it is
// its text, and where JSON stands it is itself.
type jsonValue struct{ value any }

func (v jsonValue) String() string { return textOf(v.value) }

// MarshalJSON implements [json.Marshaler].
func (v jsonValue) MarshalJSON() ([]byte, error) { return json.Marshal(v.value) }

// valueAt is the value that a path of names and indexes leads to.
func valueAt(v any, path string) any {
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// textOf is a JSON value as text: a string as it stands, null as nothing, an
// object or an array as JSON.
func textOf(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	b, _ := json.Marshal(v) // it was read from JSON
	return string(b)
}
