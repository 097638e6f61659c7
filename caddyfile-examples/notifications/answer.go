package main

import (
	"encoding/json"
	"errors"
	"log"
	"net/http"
)

// maxBody is how many bytes a request may bring.
const maxBody = 8 << 10

// A problem is an answer that says no.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

// answering has a function answer, and what it returns as an error.
func answering(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		err := f(w, r)
		if err == nil {
			return
		}
		p := problem{http.StatusInternalServerError, "something went wrong here"}
		if !errors.As(err, &p) && r.Context().Err() == nil {
			log.Printf("%s %s: %v", r.Method, r.URL.Path, err)
		}
		_ = answer(w, p.status, map[string]string{"error": p.text}) // whom to tell?
	})
}

// answer writes JSON, which no cache keeps.
func answer(w http.ResponseWriter, status int, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has left is no error of ours
	return nil
}

// read reads the JSON that a request brings.
func read(r *http.Request, value any) error {
	err := json.NewDecoder(r.Body).Decode(value)
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem{http.StatusRequestEntityTooLarge, "that is too large"}
	} else if err != nil {
		return problem{http.StatusBadRequest, "that is not the JSON which is expected here"}
	}
	return nil
}
