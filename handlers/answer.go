package handlers

import (
	"encoding/json"
	"net/http"
)

// answer writes v as JSON, for this request alone.
func answer(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(v)
}
