package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/gatewaytest"
)

const soakers = 3000

// patient is a page that is open for half a minute, and gone for some seconds.
var patient = habit{30 * time.Second, 10 * time.Second}

// Over a long time, with subscribers who come and go and a round of faults each
// minute, gateways do not come to use more, and the promises hold.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("it takes long: `make soak`")
	}
	server := startRedis(t, "--appendonly", "yes", "--appendfsync", "always")
	// So little that it is reached soon, or all would grow until then.
	gateways := startGateways(t, server, "\t\trecent 30\n")
	random := dice(t)
	r := newReport(newDiary())
	chance := random()
	faults := []fault{
		killPubSub(server), killNormal(server), restart(server, chance), freeze(server), reload(gateways, chance),
	}
	// An event a second for each subscriber, and one in ten has presence.
	h := history{channels: 50, subscribers: soakers / 2, rate: soakers / 2, late: 10 * time.Second, habit: patient, faults: faults, members: 6}
	l := live{channels: 50, subscribers: soakers/2 - 50*len(gateways), rate: soakers / 2, habit: patient, faults: faults}
	kept := h.begin(t, single{server}, gateways, r, random)
	heard := l.begin(t, single{server}, gateways, r, random)

	ctx, end := context.WithTimeout(context.Background(), *soakFor)
	defer end()
	sampled := make(chan samples, 1)
	go func() { sampled <- sampleThroughout(ctx, t, gateways, max(*soakFor/100, 2*time.Second)) }()
	for ctx.Err() == nil {
		next := time.Now().Add(time.Minute)
		r.diary.strike(faults, chance, func() bool { return true }) // a round
		pause(ctx, time.Until(next))
	}
	s := <-sampled

	heard.finish(t)
	kept.crowd.calm.Store(true)
	if !await(reach, func() bool { return present(t, kept.channels, gateways) == h.channels*h.members*len(gateways) }) {
		t.Error("not all members are present everywhere")
	}
	kept.finish(t, single{server}, chance)
	if !await(reach, func() bool { return present(t, kept.channels, gateways) == 0 }) {
		t.Error("members are present who have left")
	}
	r.judge(t)
	s.judge(t)
}

// present is how many members the gateways find in the channels.
func present(t *testing.T, channels []string, gateways []gateway) (n int) {
	t.Helper()
	for _, g := range gateways {
		for _, channel := range channels {
			_, body := gatewaytest.Do(t, "GET", fmt.Sprint("http://", g.addr, "/here/", channel), "", "Accept: application/json")
			var answer struct{ Count int }
			if err := json.Unmarshal([]byte(body), &answer); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			n += answer.Count
		}
	}
	return n
}
