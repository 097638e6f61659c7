package main

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var files embed.FS

// page serves the page, which takes scripts and styles from here alone.
func page() http.Handler {
	pages, err := fs.Sub(files, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	server := http.FileServerFS(pages)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		server.ServeHTTP(w, r)
	})
}
