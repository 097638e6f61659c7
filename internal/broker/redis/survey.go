package redisbroker

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/caddy-sse/caddy-sse/internal/broker"
	"github.com/caddy-sse/caddy-sse/internal/jitter"
	"github.com/caddy-sse/caddy-sse/internal/wake"
)

const (
	// surveyEvery is how often each node is asked what it owns, and surveyInTrouble
	// while a node is away, and for hurryFor after something was not where it was
	// expected: the first answers may be older than what has happened.
	surveyEvery     = time.Second
	surveyInTrouble = 100 * time.Millisecond
	hurryFor        = time.Second
	// surveyPause is how long a node is not asked again, whatever happens.
	surveyPause = 50 * time.Millisecond
	// maxSurveyed is how many addresses are asked.
	maxSurveyed = 256
	// maxAliases is how many addresses are kept of which it is known whose they are.
	maxAliases = 8 * maxSurveyed
	// forgetAfter is after how long an address is forgotten that nobody names any more.
	forgetAfter = 10 * time.Minute
)

var errNoCluster = errors.New("the server is no node of a cluster")

// A surveyor asks one address of a cluster again and again what the node there owns.
type surveyor struct {
	cluster *cluster
	addr    string // as the cluster names it
	isSeed  bool
	client  *redis.Client
	askNow  wake.Signal
	cancel  context.CancelFunc

	// Under the cluster's lock.
	asked   bool
	view    clusterView // the newest
	err     error       // of the newest question
	problem string      // that was logged
	named   time.Time   // when a node named it last
}

func (s *surveyor) ask(ctx context.Context) (clusterView, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyEvery)
	defer cancel()
	text, err := s.client.Do(ctx, "CLUSTER", "NODES").Text()
	if err != nil {
		if strings.Contains(err.Error(), "cluster support disabled") || causeOf(err) == broker.CauseUnknownCommand {
			err = errNoCluster
		}
		return clusterView{}, err
	}
	view, ok := parseClusterNodes(text)
	if !ok {
		return view, errNoCluster
	}
	return view, nil
}

// run asks until the context ends.
func (s *surveyor) run(ctx context.Context) {
	defer s.client.Close()
	for {
		view, err := s.ask(ctx)
		if ctx.Err() != nil {
			return
		}
		s.cluster.surveyed(s, view, err)
		wait := jitter.Spread(surveyEvery, 0.1)
		if s.cluster.isHurried() {
			wait = jitter.Spread(surveyInTrouble, 0.1)
		}
		pause := time.NewTimer(surveyPause)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(wait - surveyPause):
		case <-s.askNow:
		case <-ctx.Done():
			return
		}
	}
}

// surveyProblem says in a sentence why an address is of no use.
func surveyProblem(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errNoCluster):
		return "the server is no node of a cluster: write `redis <address>` without `cluster`"
	}
	switch cause := causeOf(err); cause {
	case broker.CauseUnreachable:
		return "a node of the cluster cannot be reached"
	case broker.CauseSilent:
		return "a node of the cluster does not answer"
	case broker.CauseDenied:
		return "redis denies this user what the gateway has to ask nodes of a cluster (ACL: +cluster|nodes)"
	default:
		return cause.String()
	}
}

// surveyed takes what a node says.
func (c *cluster) surveyed(s *surveyor, view clusterView, err error) {
	c.mu.Lock()
	s.asked, s.err = true, err
	if err == nil {
		s.view = view
		c.aliases[s.addr] = view.id
		for _, peer := range view.peers {
			if len(peer.addrs) == 0 {
				continue
			}
			for _, addr := range peer.addrs {
				c.aliases[addr] = peer.id
			}
			first := peer.addrs[0]
			if c.preferHostnames() {
				first = peer.addrs[len(peer.addrs)-1]
			}
			if known := c.surveyorOf(peer.id); known != nil {
				known.named = time.Now()
			} else {
				c.add(first, false)
			}
		}
	}
	problem := surveyProblem(err)
	isNews := problem != s.problem
	s.problem = problem
	elsewhere := err != nil && c.answersElsewhere(s)
	c.mu.Unlock()
	c.news.Set()
	switch {
	case !isNews:
	case problem == "":
		c.broker.log().Info("a node of the cluster can be reached", zap.String("address", s.addr))
	case elsewhere:
		c.broker.log().Warn("the cluster names an address that cannot be reached from here: set cluster-announce-ip at the nodes, or address_map",
			zap.String("address", s.addr), zap.Error(err))
	default:
		c.broker.log().Warn(problem, zap.String("address", s.addr), zap.Error(err))
	}
}

// surveyorOf is who asks that node, and has an answer. It is called with the lock held.
func (c *cluster) surveyorOf(id string) *surveyor {
	for _, s := range c.surveyors {
		if s.err == nil && s.view.id == id {
			return s
		}
	}
	return nil
}

// answersElsewhere reports whether the node answers at another address. It is called
// with the lock held.
func (c *cluster) answersElsewhere(s *surveyor) bool {
	id := c.aliases[s.addr]
	other := c.surveyorOf(id)
	return id != "" && other != nil && other != s
}

// add asks an address from now on. It is called with the lock held.
func (c *cluster) add(addr string, isSeed bool) {
	if s := c.surveyors[addr]; s != nil {
		s.named = time.Now()
		return
	}
	if len(c.surveyors) >= maxSurveyed || c.ctx.Err() != nil {
		return
	}
	ctx, cancel := context.WithCancel(c.ctx)
	s := &surveyor{cluster: c, addr: addr, isSeed: isSeed, client: c.surveyClient(addr), askNow: wake.New(), cancel: cancel, named: time.Now()}
	c.surveyors[addr] = s
	c.broker.spawn(func() { s.run(ctx) })
}

// forget ends the asking of addresses that have failed for long and that nobody names.
// It is called with the lock held.
func (c *cluster) forget() {
	for addr, s := range c.surveyors {
		if !s.isSeed && s.err != nil && time.Since(s.named) > forgetAfter {
			s.cancel()
			delete(c.surveyors, addr)
		}
	}
	if len(c.aliases) > maxAliases {
		clear(c.aliases) // they are named again within a second
	}
}
