package publish

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHTTP(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.URL.Path, r.Header.Get("Authorization"), r.FormValue("topic"), r.FormValue("data"))
	}))
	defer server.Close()
	p := NewHTTP(server.URL+"/p/{channel}", "topic=/{channel}&data={payload}", "Bearer a")
	if err := p.Publish(t.Context(), []Message{{Channel: "c.1", Payload: []byte("@1&2@")}}); err != nil {
		t.Fatal(err)
	}
	want := []string{"/p/c.1", "Bearer a", "/c.1", "@1&2@"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

func TestHTTPRefused(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	if err := NewHTTP(server.URL, "", "").Publish(t.Context(), []Message{{}}); err == nil {
		t.Error("404 is taken for success")
	}
}
