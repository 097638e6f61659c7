package subscribe

import (
	"net/http/httptest"
	"testing"
)

// A page that may not read is refused, but for those of the site itself, whatever their
// scheme, and for clients that are no pages.
func TestAdmitOrigins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		origins         origins
		origin          string
		isIn            bool
		allowed, cookie string
	}{
		{nil, "https://evil.example", true, "", ""}, // browsers keep it out
		{origins{"https://a.example"}, "https://a.example", true, "https://a.example", "true"},
		{origins{"https://a.example"}, "https://A.example", false, "", ""},
		{origins{"https://a.example"}, "http://a.example", false, "", ""},
		{origins{"https://a.example"}, "https://a.example.evil.example", false, "", ""},
		{origins{"https://a.example"}, "null", false, "", ""},
		{origins{"https://a.example"}, "", true, "", ""},
		{origins{"https://a.example"}, "http://gateway.example:8080", true, "", ""},
		{origins{"https://a.example"}, "https://Gateway.example:8080", true, "", ""},
		{origins{"https://a.example"}, "https://gateway.example", false, "", ""},
		{origins{"*"}, "https://evil.example", true, "*", ""},
	} {
		r := httptest.NewRequest("GET", "http://gateway.example:8080/", nil)
		r.Header.Set("Origin", test.origin)
		w := httptest.NewRecorder()
		err := test.origins.admit(w, r)
		h := w.Header()
		if (err == nil) != test.isIn || h.Get("Access-Control-Allow-Origin") != test.allowed || h.Get("Access-Control-Allow-Credentials") != test.cookie {
			t.Errorf("%q at %q: %v, %v", test.origin, test.origins, err, h)
		}
		if (len(test.origins) > 0) != (h.Get("Vary") == "Origin") {
			t.Errorf("%q at %q: Vary is %q", test.origin, test.origins, h.Get("Vary"))
		}
	}
}
