package presence

import (
	"context"
	"embed"
	"encoding/json"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/eventstream"
)

const gatewaysKey = "sse.presence.gateways"

func inKey(channel string) string { return "sse.presence.in:" + channel }

func byKey(gateway string) string { return "sse.presence.by:" + gateway }

//go:embed *.lua
var texts embed.FS

// The scripts run in one step each, so that two gateways cannot both say that
// somebody came first, or left last.
var (
	enterScript = script("enter.lua")
	leaveScript = script("leave.lua")
	renewScript = script("renew.lua")
	reapScript  = script("reap.lua")
	buryScript  = script("bury.lua")
	scanScript  = script("scan.lua")
	deadScript  = script("dead.lua")
)

func script(name string) *redis.Script {
	common, err := texts.ReadFile("common.lua")
	if err != nil {
		panic(err) // it is embedded
	}
	own, err := texts.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return redis.NewScript(string(common) + string(own))
}

// run runs a script, which answers nothing of interest.
func (p *Presence) run(s *redis.Script, keys []string, args ...any) error {
	ctx, cancel := context.WithTimeout(p.ctx, answerTimeout)
	defer cancel()
	return s.Run(ctx, p.bus.Client(), keys, args...).Err()
}

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
	return eventstream.Signal{Type: JoinType, Data: string(data)}.Payload()
}

// leaving is what the channel is told when a member goes, up to the member's ID,
// which the script adds.
func leaving(channel string) string {
	name, _ := json.Marshal(channel) // a string cannot fail
	return eventstream.Signal{Type: LeaveType, Data: `{"channel":` + string(name) + `,"id":`}.Payload()
}
