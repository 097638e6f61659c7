// Package blackbox tests the gateway as a whole, as its users see it: each test starts
// Caddy as a process, in front of a Redis server of its own, and subscribes and
// publishes to it as clients do. It imports nothing of what it tests.
//
// Here are the tests that no single directive is about: delivery over each transport,
// reloads, faults of Redis, hostile clients, limits, metrics, and what all directives
// have in common. The tests of a directive stand beside it, in its folder of handlers.
package blackbox
