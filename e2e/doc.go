// Package e2e tests the gateway from outside: the program that users build, run
// as a process, with a real Chromium and a real SSE library as its clients, a
// real nginx in front, and apps in other languages behind.
//
// It is a module of its own, so that what it needs stays out of the module that
// people plug into their Caddy. E2E_SCREENSHOTS names a directory for pictures
// of the examples' pages.
package e2e
