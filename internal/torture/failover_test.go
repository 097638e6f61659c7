package torture

import (
	"context"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// moreFaults is for runs by command.
var moreFaults = flag.Bool("more-faults", false, "whether masters are killed in one more way, and 700 slots of a cluster instead of 100 move, between other faults, too")

// Where a master fails over to another, what Redis has kept is delivered once and in order,
// and what it has lost is told to all who were given it. What is published live is lost in
// no silence.
func TestTortureSentinel(t *testing.T) {
	p := newSentinelPlace(t)
	tortureFailovers(t, p, p.faults, nil)
}

// So it is in a cluster, whose slots besides go from one master to another.
func TestTortureCluster(t *testing.T) {
	if !*moreFaults {
		t.Skip("the sharded one is much the same: `make torture-failovers`")
	}
	p := newClusterPlace(t, false)
	tortureFailovers(t, p, p.faults, p.between)
}

// Sharded Pub/Sub changes nothing of it.
func TestTortureClusterSharded(t *testing.T) {
	p := newClusterPlace(t, true)
	tortureFailovers(t, p, p.faults, p.between)
}

func tortureFailovers(t *testing.T, p place, faultsOf func(*rand.Rand, []gateway) []fault, between func(*rand.Rand) func(time.Duration)) {
	t.Helper()
	gateways := startGatewaysAt(t, p, 2, memory)
	random := dice(t)
	d := newDiary()
	if between != nil && *moreFaults {
		d.between = between(random())
	}
	d.haste = 4
	r := newReport(d)
	faults := faultsOf(random(), gateways)
	kept := history{
		channels: 50, subscribers: 240, rate: *rate * 2 / 3, late: 5 * time.Second, habit: hasty, newcomers: 12, slow: 20,
	}.begin(t, p, gateways, r, random)
	heard := live{
		channels: 20, subscribers: 40, rate: *rate / 6, habit: hasty, lonely: 10, cutters: 10, faults: faults, moves: between != nil,
	}.begin(t, p, gateways, r, random)
	delivered := func() int64 { return kept.crowd.deliveries.Load() + heard.delivered() }
	d.strikeUntil(t, *deliveries, *rate, delivered, faults, random())
	heard.finish(t)
	kept.finish(t, p, random())
	r.judge(t)
}

// slotsMoved are how many go to another master at once.
func slotsMoved() int {
	if *moreFaults {
		return 700
	}
	return 100
}

// faults are what befalls a master that has sentinels. Each begins when there are replicas
// for the next.
func (p *sentinelPlace) faults(random *rand.Rand, _ []gateway) []fault {
	replicas := func(master *redistest.Server) (list []*redistest.Server) {
		for _, s := range p.Servers {
			if s != master {
				list = append(list, s)
			}
		}
		return list
	}
	faults := []fault{
		{"SENTINEL FAILOVER", func() {
			p.awaitReplicas()
			p.Failover()
			p.awaitReplicas()
		}},
		{"killed master with replicas that lag", func() {
			p.awaitReplicas()
			old := p.AwaitMaster(nil)
			lag(old, replicas(old), random)
			p.afterwards(old, old.Restart)
		}},
		{"frozen master", func() {
			p.awaitReplicas()
			old := p.AwaitMaster(nil)
			old.Freeze()
			p.afterwards(old, old.Thaw)
		}},
	}
	if *moreFaults {
		faults = append(faults, fault{"killed master", func() {
			p.awaitReplicas()
			old := p.AwaitMaster(nil)
			old.Kill()
			p.afterwards(old, old.Restart)
		}})
	}
	return faults
}

// afterwards waits for the next master, has the one before come back, and waits until it
// is a replica.
func (p *sentinelPlace) afterwards(old *redistest.Server, comeBack func()) {
	p.AwaitMaster(old)
	comeBack()
	p.awaitReplicas()
}

// awaitReplicas waits until all servers but the master are replicas that have its data,
// and all sentinels say so.
func (p *sentinelPlace) awaitReplicas() {
	var master *redistest.Server
	if await(reach, func() bool {
		master = p.AwaitMaster(nil) // it may be another than a moment ago
		return p.Replicas(master) == len(p.Servers)-1
	}) {
		return
	}
	for _, s := range p.Servers {
		role, err := s.Try("ROLE")
		p.t.Errorf("replicas do not come back: the master is %s, and %s says %v, %v", master.Addr, s.Addr, role, err)
	}
}

// lag kills a master, of whose last writes its replicas have nothing.
func lag(master *redistest.Server, replicas []*redistest.Server, random *rand.Rand) {
	for _, s := range replicas {
		s.Freeze()
	}
	// What is in the replicas' sockets, they would still read.
	_, _ = master.Try("CLIENT", "KILL", "TYPE", "replica")
	pause(context.Background(), time.Duration(100+random.IntN(300))*time.Millisecond)
	master.Kill()
	for _, s := range replicas {
		s.Thaw()
	}
}

// faults are what befalls the masters of a cluster.
func (p *clusterPlace) faults(random *rand.Rand, gateways []gateway) []fault {
	// any is a master that has a replica.
	any := func() (master, replica *redistest.Server) {
		await(reach, func() bool {
			masters := p.Masters()
			if len(masters) == 0 {
				return false
			}
			master = masters[random.IntN(len(masters))]
			replica = p.ReplicaOf(master)
			return replica != nil
		})
		return master, replica
	}
	gone := func(replica *redistest.Server, old *redistest.Server, comeBack func()) {
		await(reach, func() bool { return p.IsMaster(replica) })
		comeBack()
		await(reach, func() bool { return p.ReplicaOf(replica) == old })
		p.AwaitOK()
	}
	faults := []fault{
		{"CLUSTER FAILOVER", func() {
			master, _ := any()
			next := p.Failover(master)
			await(reach, func() bool { return p.ReplicaOf(next) == master })
		}},
		{"killed master with a replica that lags", func() {
			master, replica := any()
			lag(master, []*redistest.Server{replica}, random)
			gone(replica, master, master.Restart)
		}},
		{"frozen master", func() {
			master, replica := any()
			master.Freeze()
			gone(replica, master, master.Thaw)
		}},
		{"master cut off from the others", func() {
			master, replica := any()
			p.CutOff(master)
			gone(replica, master, func() { p.Rejoin(master) })
		}},
		{"slots moved", func() { p.reshard(random) }},
		{"node added and emptied", func() {
			added := p.AddNode()
			masters := p.Masters()
			from := masters[random.IntN(len(masters))]
			p.Move(from, added, slotsMoved())
			moment(random)
			p.Empty(added, from)
			p.Remove(added)
			p.AwaitOK()
		}},
	}
	if *moreFaults {
		faults = append(faults, crash(gateways, random), fault{"killed master", func() {
			master, replica := any()
			master.Kill()
			gone(replica, master, master.Restart)
		}})
	}
	return faults
}

// reshard moves slots from a master to another.
func (p *clusterPlace) reshard(random *rand.Rand) {
	masters := p.Masters()
	i := random.IntN(len(masters))
	p.Move(masters[i], masters[(i+1)%len(masters)], slotsMoved())
}

// between has slots move without end between faults.
func (p *clusterPlace) between(random *rand.Rand) func(time.Duration) {
	return func(d time.Duration) {
		for until := time.Now().Add(d); time.Now().Before(until); {
			p.reshard(random)
		}
	}
}
