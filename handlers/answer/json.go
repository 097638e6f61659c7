// Package answer is how directives answer: in JSON, or with why they refuse.
package answer

import (
	"encoding/json"
	"net/http"
)

// JSON writes v as JSON, for this request alone.
func JSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}
