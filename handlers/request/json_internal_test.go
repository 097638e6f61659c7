package request

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// Where JSON stands, a value of the answer's is itself; in a text it is its text.
func TestResponseValuesInTemplates(t *testing.T) {
	for _, test := range []struct {
		text  string
		value any
		want  string
	}{
		{`{"m":{m}}`, jsonValue{"7"}, `{"m":"7"}`},
		{`{"m":{m}}`, jsonValue{map[string]any{"a": json.Number("1")}}, `{"m":{"a":1}}`},
		{`{"m":{m}}`, jsonValue{nil}, `{"m":null}`},
		{`{"m":"{m}"}`, jsonValue{map[string]any{"a": "b"}}, `{"m":"{\"a\":\"b\"}"}`},
	} {
		template, err := ParseTemplate(test.text)
		if err != nil {
			t.Fatal(err)
		}
		repl := caddy.NewEmptyReplacer()
		repl.Set("m", test.value)
		if got := template.Fill(repl); got != test.want {
			t.Errorf("%s with %q: got %s, want %s", test.text, test.value, got, test.want)
		}
	}
}
