package torture

import (
	"cmp"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-sse/caddy-sse/internal/redistest"
)

// A place is where channels are: one Redis, or several of which one at a time has a
// channel.
type place interface {
	// option is what follows the option `redis`, and the lines of its block.
	option() (where string, block []string)
	// at is the address of who has a channel, for one who found it at an address before,
	// which may be empty.
	at(before string) string
	// next is where one looks for it who could not do something at an address.
	next(addr string, err error) string
	// owner is who has the channel, when all is calm; nil if nobody has.
	owner(channel string) *redistest.Server
	// mayLose says that what was confirmed may be gone after a fault.
	mayLose() bool
	// secret is the password with which the test comes.
	secret() string
	// isSharded says that what is published is sharded.
	isSharded() bool
}

// heardAt is how many connections hear the channel where it is.
func heardAt(p place, channel string) int64 {
	s := p.owner(channel)
	if s == nil {
		return 0
	}
	command := "NUMSUB"
	if p.isSharded() {
		command = "SHARDNUMSUB"
	}
	reply, err := s.Try("PUBSUB", command, channel)
	if heard, ok := reply.([]any); ok && err == nil && len(heard) == 2 {
		return heard[1].(int64)
	}
	return 0
}

// A single is one Redis, with gateways that have a user of their own.
type single struct{ *redistest.Server }

func (s single) option() (where string, block []string) {
	return s.Addr, []string{"username " + user, "password " + password}
}

func (s single) at(string) string               { return s.Addr }
func (s single) next(string, error) string      { return s.Addr }
func (s single) owner(string) *redistest.Server { return s.Server }
func (s single) mayLose() bool                  { return false }
func (s single) secret() string                 { return "" }
func (s single) isSharded() bool                { return false }

// A sentinelPlace is a master and its replicas, with sentinels.
type sentinelPlace struct {
	*redistest.SentinelSet
	t      *testing.T
	master atomic.Pointer[string] // where it is
}

func newSentinelPlace(t *testing.T) *sentinelPlace {
	t.Helper()
	p := &sentinelPlace{t: t, SentinelSet: redistest.StartSentinels(t, password, "of-"+password)}
	for _, s := range p.Sentinels {
		// The next fail-over need not wait long for the one before, nor a server that
		// comes back as a master to be made a replica.
		s.Do("SENTINEL", "SET", p.Name, "failover-timeout", 2000)
		s.Do("SENTINEL", "DEBUG", "INFO-PERIOD", 500, "PUBLISH-PERIOD", 500)
	}
	p.master.Store(&p.Servers[0].Addr)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	go func() {
		for {
			if master := p.Master(); master != nil {
				p.master.Store(&master.Addr)
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-end:
				return
			}
		}
	}()
	return p
}

func (p *sentinelPlace) option() (where string, block []string) {
	where = "sentinel " + p.Name
	for _, s := range p.Sentinels {
		where += " " + s.Addr
	}
	return where, []string{"password " + password, "sentinel_password of-" + password}
}

func (p *sentinelPlace) at(string) string               { return *p.master.Load() }
func (p *sentinelPlace) next(string, error) string      { return *p.master.Load() }
func (p *sentinelPlace) owner(string) *redistest.Server { return p.Master() }
func (p *sentinelPlace) mayLose() bool                  { return true }
func (p *sentinelPlace) secret() string                 { return password }
func (p *sentinelPlace) isSharded() bool                { return false }

// A clusterPlace is a Redis Cluster.
type clusterPlace struct {
	*redistest.Cluster
	sharded bool
	first   []string // the addresses of the nodes at the start
}

func newClusterPlace(t *testing.T, sharded bool) *clusterPlace {
	t.Helper()
	p := &clusterPlace{
		Cluster: redistest.StartClusterWithBus(t, password, "--notify-keyspace-events", "Ktgx"),
		sharded: sharded,
	}
	for _, s := range p.Nodes {
		p.first = append(p.first, s.Addr)
	}
	return p
}

func (p *clusterPlace) option() (where string, block []string) {
	block = []string{"password " + password}
	if p.sharded {
		block = append(block, "sharded")
	}
	return "cluster " + strings.Join(p.first[:3], " "), block
}

func (p *clusterPlace) at(before string) string { return cmp.Or(before, p.first[0]) }

// next is where a node says that the channel is, or else another node, which says so.
func (p *clusterPlace) next(addr string, err error) string {
	if fields := strings.Fields(fmt.Sprint(err)); len(fields) == 3 && fields[0] == "MOVED" {
		return fields[2]
	}
	for i, one := range p.first {
		if one == addr {
			return p.first[(i+1)%len(p.first)]
		}
	}
	return p.first[0]
}

func (p *clusterPlace) owner(channel string) *redistest.Server { return p.Owner(channel) }
func (p *clusterPlace) mayLose() bool                          { return true }
func (p *clusterPlace) secret() string                         { return password }
func (p *clusterPlace) isSharded() bool                        { return p.sharded }
