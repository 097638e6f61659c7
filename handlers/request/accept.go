package request

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// Reading are the methods of requests that only read.
var Reading = []string{http.MethodGet, http.MethodHead}

// Accepts reports whether a request asks for the media type (RFC 9110, section
// 12.5.1): it names it, or it names nothing but wildcards. Next to another type
// a wildcard does not count, so that a script that takes "application/json, */*"
// gets the JSON which the next handler has at the same URL.
//
// Anything is asked for where there is no such header, and where none of its items
// names a type: some clients and proxies send an empty one.
func Accepts(r *http.Request, mediaType string) bool {
	family, _, _ := strings.Cut(mediaType, "/")
	isForOthers := false
	for _, item := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		t, params, _ := strings.Cut(item, ";")
		t = strings.ToLower(strings.TrimSpace(t))
		switch {
		case !isMediaRange(t):
		case t == mediaType:
			return !isRefused(params)
		case t == "*/*" || t == "*" || t == family+"/*": // "*" is old Java's
			isForOthers = isForOthers || isRefused(params)
		default:
			isForOthers = true
		}
	}
	return !isForOthers
}

// Names reports whether a request asks for the media type by its name.
func Names(r *http.Request, mediaType string) bool {
	for _, item := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		t, params, _ := strings.Cut(item, ";")
		if strings.EqualFold(strings.TrimSpace(t), mediaType) {
			return !isRefused(params)
		}
	}
	return false
}

// isMediaRange reports whether an item of Accept names types.
func isMediaRange(t string) bool {
	if t == "*" {
		return true
	}
	t, _, err := mime.ParseMediaType(t)
	return err == nil && strings.Contains(t, "/")
}

// isRefused reports whether an item's parameters say q=0. One that is malformed
// counts as absent, and leaves the others as they are.
func isRefused(params string) bool {
	for _, param := range strings.Split(params, ";") {
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return err == nil && q == 0
	}
	return false
}

// AsksForJSON reports whether a request is for what the gateway knows.
func AsksForJSON(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) && Accepts(r, "application/json")
}
