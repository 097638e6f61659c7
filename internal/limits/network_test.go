package limits

import (
	"net/netip"
	"strings"
	"testing"
)

// What an operator writes stands for the clients that limits count.
func TestParseNetwork(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"192.0.2.7":                  "192.0.2.7/32",
		"192.0.2.7/24":               "192.0.2.0/24",
		"2001:db8:0:1::1":            "2001:db8:0:1::/64",
		"2001:db8:0:1::1/128":        "2001:db8:0:1::1/128",
		"2001:db8::/32":              "2001:db8::/32",
		"::ffff:1.2.3.4":             "1.2.3.4/32",
		"::ffff:1.2.3.4/120":         "1.2.3.0/24",
		"::ffff:1.2.3.4/128":         "1.2.3.4/32",
		"::ffff:0:0/96":              "0.0.0.0/0",
		"fe80::1%eth0":               "fe80::/64",
		"::/0":                       "::/0",
		"::ffff:1.2.3.4/64":          "0.0.0.0/0 for all of IPv4",
		"nonsense":                   "neither an address nor a network",
		"192.0.2.7/33":               "neither an address nor a network",
		"fe80::1%eth0/64":            "neither an address nor a network",
		"":                           "neither an address nor a network",
		"192.0.2.7,192.0.2.8":        "neither an address nor a network",
		"::ffff:255.255.255.255/129": "neither an address nor a network",
	} {
		network, err := ParseNetwork(text)
		got := network.String()
		if err != nil {
			got = err.Error()
		}
		if got != want && (err == nil || !strings.Contains(got, want)) {
			t.Errorf("%q is read as %s, not %s", text, got, want)
		}
	}
	for ip, want := range map[string]string{"::ffff:1.2.3.4": "1.2.3.4/32", "fe80::1%eth0": "fe80::/64"} {
		if got := Network(netip.MustParseAddr(ip)).String(); got != want {
			t.Errorf("%s is counted as %s, not %s", ip, got, want)
		}
	}
}
