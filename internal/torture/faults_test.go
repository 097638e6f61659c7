package torture

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A fault is something that breaks, and has mended when strike returns.
type fault struct {
	name   string
	strike func()
}

// frozen is how long a frozen Redis stays so.
const frozen = 3 * time.Second

func killPubSub(server *redistest.Server) fault {
	return fault{"CLIENT KILL TYPE pubsub", func() { server.Do("CLIENT", "KILL", "TYPE", "pubsub") }}
}

func killNormal(server *redistest.Server) fault {
	return fault{"CLIENT KILL TYPE normal", func() { server.Do("CLIENT", "KILL", "TYPE", "normal") }}
}

func restart(server *redistest.Server, random *rand.Rand) fault {
	return fault{"restart of Redis", func() {
		server.Kill()
		moment(random)
		server.Restart()
	}}
}

func freeze(server *redistest.Server) fault {
	return fault{"frozen Redis", func() {
		server.Freeze()
		pause(context.Background(), frozen)
		server.Thaw()
	}}
}

// demote makes Redis a replica in place, of nobody who is there: it keeps its
// data and its connections, and refuses to write.
func demote(server *redistest.Server, random *rand.Rand) fault {
	return fault{"demotion in place", func() {
		server.Do("REPLICAOF", "127.0.0.1", "1")
		moment(random)
		server.Do("REPLICAOF", "NO", "ONE")
	}}
}

// revoke has Redis refuse the gateways' password, and cuts their connections.
func revoke(server *redistest.Server, random *rand.Rand) fault {
	return fault{"revoked password", func() {
		server.Do("ACL", "SETUSER", user, "resetpass", ">another")
		server.Do("CLIENT", "KILL", "USER", user)
		moment(random)
		server.Do("ACL", "SETUSER", user, "resetpass", ">"+password)
	}}
}

func crash(gateways []gateway, random *rand.Rand) fault {
	return fault{"crash of a gateway", func() {
		g := gateways[random.IntN(len(gateways))]
		g.kill()
		moment(random)
		g.run()
	}}
}

func reload(gateways []gateway, random *rand.Rand) fault {
	return fault{"reload of Caddy", func() { gateways[random.IntN(len(gateways))].reload() }}
}

func reloadAll(gateways []gateway) fault {
	return fault{"reload of all", func() {
		for _, g := range gateways {
			g.reload()
		}
	}}
}

// moment is how long something stays away.
func moment(random *rand.Rand) {
	pause(context.Background(), time.Duration(100+random.IntN(700))*time.Millisecond)
}

// strike has each fault strike once, in any order, and goes on until there has
// been enough. Between two there is time to recover.
func (d *diary) strike(faults []fault, random *rand.Rand, enough func() bool) {
	for round := 0; round == 0 || !enough(); round++ {
		for _, i := range random.Perm(len(faults)) {
			d.rest(time.Duration(1000+random.IntN(2000)) * time.Millisecond / time.Duration(max(1, d.haste)))
			if round > 0 && enough() {
				break
			}
			d.note(faults[i])
		}
	}
	pause(context.Background(), 2*time.Second)
}

// rest lets time go by, in which no fault strikes.
func (d *diary) rest(long time.Duration) {
	if d.between != nil {
		d.between(long)
		return
	}
	pause(context.Background(), long)
}

// strikeUntil has faults strike until so many events are delivered, for which
// there is three times the time that they should take.
func (d *diary) strikeUntil(t *testing.T, deliveries int64, rate float64, delivered func() int64, faults []fault, random *rand.Rand) {
	t.Helper()
	limit := time.Now().Add(reach + time.Duration(3*float64(deliveries)/rate*float64(time.Second)))
	enough := func() bool { return delivered() >= deliveries || time.Now().After(limit) }
	if len(faults) > 0 {
		d.strike(faults, random, enough)
	}
	if !await(time.Until(limit), func() bool { return delivered() >= deliveries }) {
		t.Errorf("only %d events were delivered by %s", delivered(), d.at(time.Now()))
	}
}
