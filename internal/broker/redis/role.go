package redisbroker

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
	isCluster func(reply any) bool // nil: the reply does not say
}

// roleQuestions are asked until one of them is answered: an ACL may deny some,
// and other servers than Redis do not know all of them.
var roleQuestions = []roleQuestion{
	{[]any{"HELLO", 2}, func(reply any) bool { // every connection may need it anyway
		return isReplicaRole(helloField(reply, "role"))
	}, func(reply any) bool { return helloField(reply, "mode") == "cluster" }},
	{[]any{"ROLE"}, func(reply any) bool {
		fields, _ := reply.([]any)
		return len(fields) > 0 && isReplicaRole(fields[0])
	}, nil},
	{[]any{"INFO", "replication"}, func(reply any) bool {
		text, _ := reply.(string)
		return strings.Contains(text, "\nrole:slave\r")
	}, nil},
	// A write, which does nothing, but which a read-only replica refuses.
	{[]any{"PEXPIRE", "sse.presence.probe", 1}, func(any) bool { return false }, nil},
}

// helloField is a field of the answer to HELLO; nil if it is not there.
func helloField(reply any, name string) any {
	fields, _ := reply.([]any)
	i := slices.Index(fields, any(name))
	if i < 0 || i+1 >= len(fields) {
		return nil
	}
	return fields[i+1]
}

func isReplicaRole(role any) bool { return role == "replica" || role == "slave" }
