package redisbroker

import (
	"net"
	"slices"
	"strconv"
	"strings"
)

// A clusterView is what one node of a cluster says of it, by CLUSTER NODES.
type clusterView struct {
	id       string // of the node itself
	isMaster bool
	epoch    int64
	ranges   [][2]int // slots that it says it owns itself: first and last
	peers    []clusterPeer
}

// A clusterPeer is a node that is named in a view.
type clusterPeer struct {
	id    string
	addrs []string // host:port, the one to be used first
}

// parseClusterNodes reads the answer to CLUSTER NODES. Of what nodes say of others only
// their addresses count: a node knows best itself what it owns.
func parseClusterNodes(text string) (v clusterView, ok bool) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		flags := strings.Split(fields[2], ",")
		if slices.Contains(flags, "noaddr") || slices.Contains(flags, "handshake") {
			continue
		}
		if slices.Contains(flags, "myself") {
			v.id, v.isMaster, ok = fields[0], slices.Contains(flags, "master"), true
			v.epoch, _ = strconv.ParseInt(fields[6], 10, 64)
			if v.isMaster {
				v.ranges = parseSlots(fields[8:])
			}
		}
		v.peers = append(v.peers, clusterPeer{fields[0], parseNodeAddress(fields[1])})
	}
	return v, ok
}

// parseNodeAddress reads ip:port@cport[,hostname[,…]].
func parseNodeAddress(text string) (addrs []string) {
	where, more, _ := strings.Cut(text, ",")
	where, _, _ = strings.Cut(where, "@")
	i := strings.LastIndexByte(where, ':')
	if i < 0 {
		return nil
	}
	hostname, _, _ := strings.Cut(more, ",")
	for _, host := range []string{where[:i], hostname} {
		// A node that has just begun does not know its own, and one may have none.
		if host != "" && host != "?" && !strings.Contains(host, "=") {
			addrs = append(addrs, net.JoinHostPort(host, where[i+1:]))
		}
	}
	return addrs
}

// parseSlots reads the slots that a node owns. Those in brackets are on their way.
func parseSlots(fields []string) (ranges [][2]int) {
	for _, f := range fields {
		from, to, isRange := strings.Cut(f, "-")
		first, err := strconv.Atoi(from)
		last := first
		if isRange && err == nil {
			last, err = strconv.Atoi(to)
		}
		if err == nil && 0 <= first && first <= last && last < slotCount {
			ranges = append(ranges, [2]int{first, last})
		}
	}
	return ranges
}
