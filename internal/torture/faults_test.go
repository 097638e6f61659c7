package torture

import (
	"context"
	"math/rand/v2"
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

func crash(gateways []gateway, random *rand.Rand) fault {
	return fault{"crash of a gateway", func() {
		g := gateways[random.IntN(len(gateways))]
		g.kill()
		moment(random)
		g.run()
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
			pause(context.Background(), time.Duration(1000+random.IntN(2000))*time.Millisecond)
			if round > 0 && enough() {
				break
			}
			d.note(faults[i])
		}
	}
	pause(context.Background(), 2*time.Second)
}
