// Package relay keeps the runs that apps write as answers: each event of an answer
// becomes an entry of its channel's history, until the answer is over, whether or not
// the client that asked for it is still there. That client is served straight from the
// run; all others, on all gateways, subscribe to the channel.
//
// A run has its channel's lease, so that no two gateways write to one channel. Who reads
// an answer, and how it came, is package handlers/relay's.
package relay
