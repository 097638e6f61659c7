package presence

import (
	"encoding/json"

	"github.com/caddy-sse/caddy-sse/internal/protocol"
)

// JoinType and LeaveType are the types of the events that say who comes and
// goes.
const (
	JoinType  = "sse.join"
	LeaveType = "sse.leave"
)

// joined is what the channel is told when the member comes.
func joined(k key, s *session) string {
	data, _ := json.Marshal(struct { // the info is JSON, and so it cannot fail
		Channel string `json:"channel"`
		Member
	}{k.channel, Member{k.member, wireTime(s.since), json.RawMessage(s.info)}})
	return protocol.Signal{Type: JoinType, Data: string(data)}.Payload()
}

// leaving is what the channel is told when a member goes, up to the member's ID,
// which the broker adds.
func leaving(channel string) string {
	name, _ := json.Marshal(channel) // a string cannot fail
	return protocol.Signal{Type: LeaveType, Data: `{"channel":` + string(name) + `,"id":`}.Payload()
}
