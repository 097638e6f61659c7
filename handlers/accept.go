package handlers

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// accepts reports whether a request asks for the media type (RFC 9110, section
// 12.5.1): it names it, or it names nothing but wildcards. Next to another type
// a wildcard does not count, so that a script that takes "application/json, */*"
// gets the JSON which the next handler has at the same URL.
func accepts(r *http.Request, mediaType string) bool {
	values := r.Header.Values("Accept")
	if len(values) == 0 {
		return true // anything
	}
	family, _, _ := strings.Cut(mediaType, "/")
	wild, other := false, false
	for _, item := range strings.Split(strings.Join(values, ","), ",") {
		t, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		refused := err == nil && q == 0
		switch {
		case t == mediaType:
			return !refused
		case t == "*/*" || t == family+"/*":
			wild = wild || !refused
		default:
			other = true
		}
	}
	return wild && !other
}

// asksForJSON reports whether a request is for what the gateway knows.
func asksForJSON(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && accepts(r, "application/json")
}
