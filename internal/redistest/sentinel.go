package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// A SentinelSet is a master, two replicas, and three sentinels that watch them.
// They take a server for dead that has not answered for a second.
type SentinelSet struct {
	// Name is the master's name for the sentinels.
	Name string
	// Servers are the master at the start, and its replicas.
	Servers []*Server
	// Sentinels decide, two of them together, which server is the master.
	Sentinels []*Server

	t testing.TB
}

// StartSentinels runs such a set until the test ends. Servers and sentinels ask for
// these passwords, if they are not empty, and servers have these further options of
// redis-server.
func StartSentinels(t testing.TB, password, sentinelPassword string, args ...string) *SentinelSet {
	t.Helper()
	set := &SentinelSet{Name: "mymaster", t: t}
	for i := range 3 {
		conf := ""
		if i > 0 {
			conf = "replicaof " + hostAndPort(set.Servers[0].Addr) + "\n"
		}
		s := rewriting(t, conf, append(append(secured(password),
			"--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"), args...)...)
		s.password = password
		s.start()
		set.Servers = append(set.Servers, s)
	}
	for _, s := range set.Servers[1:] {
		Await(t, "a replica", s.linked)
	}
	for range 3 {
		set.Sentinels = append(set.Sentinels, set.startSentinel(password, sentinelPassword))
	}
	for _, s := range set.Sentinels {
		Await(t, "sentinels that know each other", func() bool { return set.complete(s) })
	}
	for _, s := range set.Sentinels { // as they are elsewhere
		s.Do("SENTINEL", "DEBUG", "INFO-PERIOD", 10000, "PUBLISH-PERIOD", 2000)
	}
	return set
}

func (set *SentinelSet) startSentinel(password, sentinelPassword string) *Server {
	set.t.Helper()
	conf := fmt.Sprintf("sentinel monitor %s %s 2\n", set.Name, hostAndPort(set.Servers[0].Addr)) +
		fmt.Sprintf("sentinel down-after-milliseconds %s 1000\n", set.Name) +
		fmt.Sprintf("sentinel failover-timeout %s 6000\n", set.Name)
	if password != "" {
		conf += fmt.Sprintf("sentinel auth-pass %s %s\n", set.Name, password)
	}
	if sentinelPassword != "" {
		conf += fmt.Sprintf("requirepass %[1]s\nsentinel sentinel-pass %[1]s\n", sentinelPassword)
	}
	s := rewriting(set.t, conf)
	s.sentinel, s.password = true, sentinelPassword
	s.start()
	// Until all are known, they say and ask more often than each 2 and 10 seconds.
	s.Do("SENTINEL", "DEBUG", "INFO-PERIOD", 100, "PUBLISH-PERIOD", 100)
	return s
}

// complete says whether the sentinel knows all replicas and the other sentinels.
func (set *SentinelSet) complete(sentinel *Server) bool {
	m := fields(sentinel.Do("SENTINEL", "MASTER", set.Name))
	return m["num-slaves"] == "2" && m["num-other-sentinels"] == "2"
}

// Master is the server that the sentinels say is the master, and that itself says so;
// nil if there is none.
func (set *SentinelSet) Master() *Server {
	votes := map[string]int{}
	for _, sentinel := range set.Sentinels {
		reply, err := sentinel.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", set.Name)
		if at, ok := reply.([]any); ok && err == nil && len(at) == 2 {
			votes[net.JoinHostPort(fmt.Sprint(at[0]), fmt.Sprint(at[1]))]++
		}
	}
	for _, s := range set.Servers {
		if votes[s.Addr] >= 2 && s.role() == "master" {
			return s
		}
	}
	return nil
}

// AwaitMaster waits for a master that is another than the given, which may be nil.
func (set *SentinelSet) AwaitMaster(not *Server) *Server {
	set.t.Helper()
	var master *Server
	Await(set.t, "a master", func() bool {
		master = set.Master()
		return master != nil && master != not
	})
	return master
}

// Replicas are how many replicas have the master's data, of those that all sentinels know
// as its replicas.
func (set *SentinelSet) Replicas(master *Server) int {
	for _, sentinel := range set.Sentinels {
		reply, err := sentinel.Try("SENTINEL", "MASTER", set.Name)
		host, port, _ := net.SplitHostPort(master.Addr)
		if m := fields(reply); err != nil || m["ip"] != host || m["port"] != port || m["flags"] != "master" {
			return 0
		}
	}
	n := 0
	for _, s := range set.Servers {
		reply, err := s.Try("ROLE")
		if role, ok := reply.([]any); ok && err == nil && len(role) > 3 && role[0] == "slave" && role[3] == "connected" &&
			net.JoinHostPort(fmt.Sprint(role[1]), fmt.Sprint(role[2])) == master.Addr {
			n++
		}
	}
	return n
}

// Failover is a planned one: it makes a replica the master, and returns the new one.
func (set *SentinelSet) Failover() *Server {
	set.t.Helper()
	old := set.AwaitMaster(nil)
	Await(set.t, "a sentinel that fails over", func() bool { // NOGOODSLAVE, INPROG
		_, err := set.Sentinels[0].Try("SENTINEL", "FAILOVER", set.Name)
		return err == nil
	})
	return set.AwaitMaster(old)
}

// rewriting is a server, not yet started, that keeps what it is told in a file of
// its own, as one of an operator does.
func rewriting(t testing.TB, conf string, args ...string) *Server {
	t.Helper()
	s := Stopped(t, args...)
	s.conf = filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(s.conf, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// secured are the options with which servers ask each other for the password.
func secured(password string) []string {
	if password == "" {
		return nil
	}
	return []string{"--requirepass", password, "--masterauth", password}
}

// hostAndPort is an address as Redis' options have it.
func hostAndPort(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	return host + " " + port
}

// role is what the server says that it is, empty if it does not answer.
func (s *Server) role() string {
	reply, err := s.Try("ROLE")
	if role, ok := reply.([]any); ok && err == nil && len(role) > 0 {
		return fmt.Sprint(role[0])
	}
	return ""
}

// linked says whether the server is a replica that has its master's data.
func (s *Server) linked() bool {
	reply, err := s.Try("ROLE")
	role, ok := reply.([]any)
	return ok && err == nil && len(role) > 3 && role[0] == "slave" && role[3] == "connected"
}

// fields are a reply of names and values.
func fields(reply any) map[string]string {
	m := map[string]string{}
	flat, _ := reply.([]any)
	for i := 0; i+1 < len(flat); i += 2 {
		m[fmt.Sprint(flat[i])] = fmt.Sprint(flat[i+1])
	}
	return m
}
