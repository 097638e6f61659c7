package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

const memory = "\t\trecent 2000 4MiB\n"

// Without a history, too, a short absence costs nothing.
func TestTortureLive(t *testing.T) {
	server := startRedis(t)
	l := live{channels: 20, subscribers: 100, deliveries: *deliveries / 5, rate: *rate / 2, habit: hasty, lonely: 20, cutters: 20}
	l.run(t, single{server}, startGateways(t, server, memory), dice(t)).judge(t)
}

// Where Redis breaks, numbers may be lost, but none in silence.
func TestTortureLiveFaults(t *testing.T) {
	server := startRedis(t)
	gateways := startGateways(t, server, memory)
	random := dice(t)
	l := live{channels: 20, subscribers: 100, deliveries: *deliveries / 5, rate: *rate / 2, habit: hasty, lonely: 20, cutters: 20}
	l.faults = []fault{killPubSub(server), killPubSub(server), restart(server, random()), freeze(server)}
	l.run(t, single{server}, gateways, random).judge(t)
}

// A live is a run without histories. Besides its subscribers, who come and go,
// each gateway has one for each channel who stays, so that it remembers.
type live struct {
	channels, subscribers int
	deliveries            int64 // at least
	rate                  float64
	habit                 habit // of those who come and go
	faults                []fault
	// lonely is how many further channels have one subscriber only: each ends when
	// it is away, and begins again when it comes back.
	lonely int
	// cutters is how many of the subscribers come back with IDs without hashes, by
	// which nobody can know what they have missed.
	cutters int
	// moves says that the channels go from one master of a cluster to another.
	moves bool
}

// forgetful is one who stays away for longer than its channel lives without it.
var forgetful = habit{1500 * time.Millisecond, 1500 * time.Millisecond}

func (l live) run(t *testing.T, p place, gateways []gateway, random func() *rand.Rand) *report {
	t.Helper()
	d := newDiary()
	r := newReport(d)
	a := l.begin(t, p, gateways, r, random)
	d.strikeUntil(t, l.deliveries, l.rate, a.delivered, l.faults, random())
	gaps, needless := a.finish(t)
	// Only one who moves to a gateway that has not yet received the last number cannot be
	// told from one who missed some.
	if len(l.faults) == 0 && needless > 0 {
		r.add(gap, "together", "%d, %d of them though the gateway had received the last number", gaps, needless)
	}
	return r
}

// An aLive is a live that has begun.
type aLive struct {
	tallies         []*tally
	stayers, movers *crowd
	speakers        *speakers
	isHeard         func() bool // all channels, by all gateways
}

// begin has the subscribers come, and the speakers speak.
func (l live) begin(t *testing.T, p place, gateways []gateway, r *report, random func() *rand.Rand) *aLive {
	t.Helper()
	channels := make([]string, l.channels)
	var lonely []string
	var tallies []*tally
	var staying, moving []*subscriber
	add := func(who *[]*subscriber, name, channel string, s *subscriber) {
		a := &tally{name: name + " of " + channel, channel: channel, report: r, lossless: len(l.faults) == 0, moves: l.moves}
		s.path, s.listener, s.random = "/live/"+channel, a, random()
		tallies = append(tallies, a)
		*who = append(*who, s)
	}
	stayersOf := make(map[string]map[int]*tally)
	for i := range channels {
		channels[i] = fmt.Sprint("live:", i)
		stayersOf[channels[i]] = make(map[int]*tally)
		for n, g := range gateways {
			add(&staying, fmt.Sprint("who stays at gateway ", n), channels[i], &subscriber{gateways: gateways[n : n+1]})
			stayersOf[channels[i]][g.number] = tallies[len(tallies)-1]
		}
	}
	for i := range l.subscribers {
		add(&moving, fmt.Sprint("subscriber ", i), channels[i%l.channels], &subscriber{gateways: gateways, habit: l.habit})
	}
	for i := range l.cutters {
		add(&moving, fmt.Sprint("cutter ", i), channels[i%l.channels], &subscriber{gateways: gateways, habit: l.habit, cuts: true})
		tallies[len(tallies)-1].lossless, tallies[len(tallies)-1].cuts = false, true
	}
	for i := range l.lonely {
		channel := fmt.Sprint("lonely:", i)
		lonely = append(lonely, channel)
		a := &tally{name: "the only one of " + channel, channel: channel, report: r, brief: true, moves: l.moves}
		tallies = append(tallies, a)
		moving = append(moving, &subscriber{path: "/brief/" + channel, listener: a, gateways: gateways, habit: forgetful, random: random()})
	}
	for _, s := range moving {
		a := s.listener.(*tally)
		if a.stayers = stayersOf[a.channel]; a.stayers != nil {
			s.dialing = a.dialing
		}
	}
	isHeard := func() bool {
		return all(channels, func(channel string) bool { return heardAt(p, channel) == int64(len(gateways)) })
	}

	stayers := gather(t, r, staying)
	if !await(reach, func() bool { return isHeard() && all(tallies[:len(staying)], (*tally).hasOpened) }) {
		t.Fatal("the gateways do not answer everyone")
	}
	movers := gather(t, r, moving)
	speakers := speak(t, p, slices.Concat(channels, lonely), l.rate*float64(l.channels+l.lonely)/float64(len(tallies)))
	return &aLive{tallies, stayers, movers, speakers, isHeard}
}

func (a *aLive) delivered() int64 { return a.stayers.deliveries.Load() + a.movers.deliveries.Load() }

// finish ends the speaking when all is well, waits until everyone has come to
// the end, and returns how many gaps there were, and how many of them though the gateway
// had received the last number.
func (a *aLive) finish(t *testing.T) (gaps, needless int) {
	t.Helper()
	a.movers.calm.Store(true)
	if !await(reach, a.isHeard) {
		t.Error("the gateways do not listen again")
	}
	pause(context.Background(), time.Second) // for some numbers when all is well

	last := a.speakers.finish()
	if !await(reach, func() bool { return all(a.tallies, func(a *tally) bool { return a.isAtEnd(last[a.channel]) }) }) {
		t.Errorf("not everyone got to the end within %s", reach)
	}
	pause(context.Background(), time.Second) // for what comes too much
	a.stayers.leave()
	a.movers.leave()
	var repeated, excused, ended, cut int
	for _, one := range a.tallies {
		one.finish(last[one.channel])
		repeated, excused = repeated+one.repeated, excused+one.excusedLost
		switch {
		case one.brief:
			ended += one.gaps
		case one.cuts:
			cut += one.gaps
		default:
			gaps, needless = gaps+one.gaps, needless+one.needless
		}
	}
	d := a.movers.report.diary
	t.Logf("%d deliveries and %d reconnections in %.1fs; faults: %s; %d gaps, %d where the channel had ended, and %d of IDs without hashes, which announced that %d were lost; %d came twice from another gateway",
		a.delivered(), a.stayers.visits.Load()+a.movers.visits.Load()-int64(len(a.tallies)), time.Since(d.began).Seconds(), d, gaps, ended, cut, excused, repeated)
	return gaps, needless
}
