// Package faults measures how long each fault of Redis, or of the way to it, lasts
// for a subscriber: after what time the gateway says that something is wrong, after
// what time events arrive again, and what was missed or came late. `make faults`
// writes the table of docs/reliability.md, in about four minutes; the suite only
// looks whether the table has a row for each fault.
package faults
