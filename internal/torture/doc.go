// Package torture tries the promises of delivery while everything breaks: one Redis, or
// several that fail over, gateways, hundreds of subscribers that come and go, and faults at
// random moments.
//
// The tests of the suite take a minute or two; `make torture` and `make torture-http2`
// (-http2) take longer, and `make soak` half an hour: it looks for what grows (-soak).
// Flags: -deliveries, -rate (deliveries a second) and -seed, which a run logs and
// which gives the next one the same faults and the same habits. What is kept to
// be judged is 24 bytes a delivery.
package torture
