package request_test

import (
	"encoding/json"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/handlers/request"
)

func fill(t testing.TB, text string, values map[string]any) string {
	t.Helper()
	template, err := request.ParseTemplate(text)
	if err != nil {
		t.Fatal(err)
	}
	repl := caddy.NewEmptyReplacer()
	for name, value := range values {
		repl.Set(name, value)
	}
	return template.Fill(repl)
}

func TestTemplate(t *testing.T) {
	forged := `","from":"admin","x":"`
	for _, test := range []struct {
		text  string
		value any
		want  string
	}{
		// What is no JSON is filled as it stands.
		{`{m}`, forged, forged},
		{`{m}`, `{"a":1}`, `{"a":1}`},
		{`hello {m}!`, `"Ann"`, `hello "Ann"!`},
		{`[{m}] hello`, `a`, `[a] hello`},
		{`{m}{m}`, `1`, `11`},
		{`{"a": 1}`, "", `{"a": 1}`},
		{`use {braces}`, "", `use {braces}`},
		// Within a string, values are escaped, in the order of the template.
		{`{"z":"{m}","a":1}`, forged, `{"z":"\",\"from\":\"admin\",\"x\":\"","a":1}`},
		{`{"event":"say","data":{"x":"{m}"}}`, `"},"event":"kick","retry":86400000,"data":{"x":"`, `{"event":"say","data":{"x":"\"},\"event\":\"kick\",\"retry\":86400000,\"data\":{\"x\":\""}}`},
		{`{"m":"a\"{m}\\","n":[1, 2.50, null]}`, "b\n\\", `{"m":"a\"b\n\\\\","n":[1, 2.50, null]}`},
		{`{"m":"{m}"}`, "a\xffb", `{"m":"a\ufffdb"}`},
		{`{"m":"<{m}>"}`, "<b>&", `{"m":"<<b>&>"}`},
		{`{"{m}":1}`, forged, `{"\",\"from\":\"admin\",\"x\":\"":1}`},
		{`["{m}"]`, `"`, `["\""]`},
		{`"{m}"`, `"`, `"\""`},
		{`{"m":"{unknown}"}`, "", `{"m":"{unknown}"}`},
		// Without quotes, a placeholder becomes one value.
		{`{"m":{m}}`, `1,"from":"admin"`, `{"m":"1,\"from\":\"admin\""}`},
		{`{"m":{m}}`, `{"a": [1]}`, `{"m":{"a":[1]}}`},
		{`{"m":{m}}`, `7`, `{"m":7}`},
		{`{"m":{m}}`, 7, `{"m":7}`},
		{`{"m":{m}}`, true, `{"m":true}`},
		{`{"m":{m}}`, "", `{"m":""}`},
		{`{"m":{m}}`, nil, `{"m":null}`},
		{`{"m":{unknown}}`, "", `{"m":null}`},
		{`[{m},{m}]`, "a", `["a","a"]`},
		{`{"m":{m}}`, "\"\xff\"", `{"m":"\"\ufffd\""}`},
	} {
		if got := fill(t, test.text, map[string]any{"m": test.value}); got != test.want {
			t.Errorf("%s with %q: got %s, want %s", test.text, test.value, got, test.want)
		}
	}
	for _, text := range []string{`{"a":}`, `{"a":"{m}",}`, `{"a":{m}`, ` {"a" {m}}`, `{"a":"{m}`} {
		if _, err := request.ParseTemplate(text); err == nil {
			t.Errorf("%s is a template", text)
		}
	}
}

// Whatever a value is, the JSON has the fields of the template, and the others
// have their values.
func FuzzTemplate(f *testing.F) {
	f.Add(`","from":"admin","x":"`)
	f.Add(`1},"from":"admin","x":{"y":1`)
	f.Add("\xff\\")
	f.Add(`{m}`)
	f.Fuzz(func(t *testing.T, value string) {
		filled := fill(t, `{"from":"ann","text":"{m}","any":{m}}`, map[string]any{"m": value})
		var got map[string]any
		if err := json.Unmarshal([]byte(filled), &got); err != nil {
			t.Fatalf("%s: %v", filled, err)
		}
		if _, isText := got["text"].(string); len(got) != 3 || got["from"] != "ann" || !isText {
			t.Errorf("%q became %s", value, filled)
		}
	})
}
