package request

import "testing"

// A path of names and indexes leads to a value as text. What is not there is empty.
func TestResponsePlaceholders(t *testing.T) {
	t.Parallel()
	values := JSONPlaceholders(ResponseJSON, []byte(`{"room":{"id":12345678901234567890,"name":"a.b"},"ids":[1,[true,null]],"":"nameless","x":{"":{"0":"deep"}}}`))
	for key, want := range map[string]string{
		"sse.response.json.room.id":   "12345678901234567890",
		"sse.response.json.room.name": "a.b",
		"sse.response.json.room":      `{"id":12345678901234567890,"name":"a.b"}`,
		"sse.response.json.ids.0":     "1",
		"sse.response.json.ids.1":     "[true,null]",
		"sse.response.json.ids.1.0":   "true",
		"sse.response.json.ids.1.1":   "",
		"sse.response.json.ids.2":     "",
		"sse.response.json.ids.-1":    "",
		"sse.response.json.ids.x":     "",
		"sse.response.json.room.id.0": "",
		"sse.response.json.nothing":   "",
		"sse.response.json.":          "nameless",
		"sse.response.json.x..0":      "deep",
	} {
		value, known := values(key)
		if text, ok := value.(jsonValue); !known || !ok || text.String() != want {
			t.Errorf("%s is %v, not %s", key, value, want)
		}
	}
	if _, known := values("sse.form.a"); known {
		t.Error("a form's field is known")
	}
	if value, known := JSONPlaceholders(ResponseJSON, []byte("no JSON"))("sse.response.json.a"); !known || value.(jsonValue).String() != "" {
		t.Errorf("a value of what is no JSON is %v", value)
	}
}
