// Package protocol is what apps, gateways and pages agree on, above the wire format of
// package eventstream: the envelope that an app publishes, the entry that a Redis stream
// stores, what the publishing script and other gateways publish, the positions that are
// events' IDs, and the events of our own (sse.gap, sse.busy, sse.away and others).
package protocol
