package bus

import (
	"slices"
	"strings"
)

// A roleQuestion asks a server whether it is a replica. A replica takes PUBLISH
// from everybody, and hands it to nobody but its own clients, whether or not it
// is read-only.
type roleQuestion struct {
	command   []any
	isReplica func(reply any) bool
}

// roleQuestions are asked until one of them is answered: an ACL may deny some,
// and other servers than Redis do not know all of them.
var roleQuestions = []roleQuestion{
	{[]any{"HELLO", 2}, func(reply any) bool { // every connection may need it anyway
		fields, _ := reply.([]any)
		i := slices.Index(fields, any("role"))
		return i >= 0 && i+1 < len(fields) && isReplicaRole(fields[i+1])
	}},
	{[]any{"ROLE"}, func(reply any) bool {
		fields, _ := reply.([]any)
		return len(fields) > 0 && isReplicaRole(fields[0])
	}},
	{[]any{"INFO", "replication"}, func(reply any) bool {
		text, _ := reply.(string)
		return strings.Contains(text, "\nrole:slave\r")
	}},
	// A write, which does nothing, but which a read-only replica refuses.
	{[]any{"PEXPIRE", "sse.presence.probe", 1}, func(any) bool { return false }},
}

func isReplicaRole(role any) bool { return role == "replica" || role == "slave" }
