package limits

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Network is what counts as one client, in limits, bans and filters alike: an
// IPv4 address, or, since a client of IPv6 has all of a network to choose from
// (RFC 6177), its /64. It is the zero value for no address.
func Network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	network, _ := ip.Prefix(bits) // the zero value for no address
	return network
}

// ParseNetwork reads the clients that an operator names: an address, which stands
// for its [Network], or a network like 192.0.2.0/24, which stands for itself. An
// IPv4 network that is written as one of IPv6 (RFC 4291, section 2.5.5.2) is
// that of IPv4: the gateway knows clients by no other address.
func ParseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil && !strings.Contains(text, "/") { // which a zone may hold
		return Network(ip), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return network, fmt.Errorf("%q is neither an address nor a network, like 192.0.2.0/24", text)
	}
	if ip := network.Addr(); ip.Is4In6() {
		const mapped = 96 // bits before the IPv4 address
		if network.Bits() < mapped {
			return netip.Prefix{}, errors.New("the network of IPv4 addresses in IPv6 is ::ffff:0:0/96: one that is larger holds no client; write 0.0.0.0/0 for all of IPv4")
		}
		network = netip.PrefixFrom(ip.Unmap(), network.Bits()-mapped)
	}
	return network.Masked(), nil
}
