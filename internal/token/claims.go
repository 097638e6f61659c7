package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// A payload is what a token says, as JSON.
type payload []byte

// UnmarshalJSON keeps the text: numbers stay as they are written.
func (p *payload) UnmarshalJSON(text []byte) error {
	*p = slices.Clone(text)
	return nil
}

// maxDepth is how deep objects may be within each other.
const maxDepth = 8

// flatten returns all claims as text.
func (p payload) flatten() (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(p))
	decoder.UseNumber()
	var claims map[string]any
	if err := decoder.Decode(&claims); err != nil {
		return nil, err
	}
	flat := make(map[string]string)
	return flat, flattenInto(flat, "", claims, maxDepth)
}

func flattenInto(flat map[string]string, prefix string, claims map[string]any, depth int) error {
	if depth == 0 {
		return errors.New("objects are too deep within each other")
	}
	for name, value := range claims {
		switch v := value.(type) {
		case map[string]any:
			if err := flattenInto(flat, prefix+name+".", v, depth-1); err != nil {
				return err
			}
		case []any:
			var items []string
			for _, item := range v {
				if text, ok := scalar(item); ok {
					items = append(items, text)
				}
			}
			flat[prefix+name] = strings.Join(items, " ")
		default:
			flat[prefix+name], _ = scalar(v)
		}
	}
	return nil
}

// scalar is a value that is neither a list nor an object, as text; null is empty.
func scalar(value any) (text string, ok bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "true", true
		}
		return "false", true
	}
	return "", false
}
