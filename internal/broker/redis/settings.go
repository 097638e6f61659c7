package redisbroker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Settings say where Redis is and how to come in. As JSON they have no secrets in
// them, and what they have tells one server, and one way to it, from another.
type Settings struct {
	// Network is tcp, the default, or unix; Address is host:port, or the path of a
	// socket.
	Network, Address string
	// Sentinel says who knows where Redis is; nil: it is at Address.
	Sentinel *Sentinel
	// Cluster says that Redis is a cluster, and where; nil: it is none.
	Cluster *Cluster
	// DB is the number of the database.
	DB int
	// ClientName is the connections' name in CLIENT LIST; empty: none.
	ClientName string
	// DialTimeout is how long connecting may take. 0: 3 seconds.
	DialTimeout time.Duration
	// KeyspaceNotifications has Redis turn on keyspace notifications of Redis
	// streams, where they are off.
	KeyspaceNotifications bool

	// Secrets are the secrets as they were read first.
	Secrets Secrets `json:"-"`
	// Reread reads them again, for each new connection; nil: they stay the same. If it
	// fails, those count that were read before: a file that is being replaced may be
	// missing for a moment. It is called by several goroutines at once.
	Reread func() (Secrets, error) `json:"-"`

	url *redis.Options // what a URL says besides, as how many connections are kept
}

// A Sentinel says who knows where Redis' master is: several Redis Sentinels.
type Sentinel struct {
	// Master is the name by which they know it.
	Master string
	// Addresses are theirs, each host:port.
	Addresses []string
}

// A Cluster says where a Redis Cluster is.
type Cluster struct {
	// Addresses are those of some of its nodes, each host:port; they know the others.
	Addresses []string
	// Sharded has apps' channels received as sharded ones, too (SPUBLISH, Redis 7.0), and
	// what the gateway publishes published so.
	Sharded bool
	// AddressMap has, for addresses by which the nodes know each other, those at which
	// the gateway reaches them.
	AddressMap map[string]string
}

// Secrets are what lets the gateway in.
type Secrets struct {
	Username, Password string
	// TLS is how to connect with TLS; nil: without.
	TLS *tls.Config

	// The same for sentinels.
	SentinelUsername, SentinelPassword string
	SentinelTLS                        *tls.Config
}

// ParseAddress reads a redis://, rediss:// (TLS) or unix:// URL, or host:port. Its errors
// do not hold the address, since that may hold a password.
func ParseAddress(address string) (Settings, error) {
	scheme, _, isURL := strings.Cut(address, "://")
	if !isURL {
		if !IsHostPort(address) {
			return Settings{}, errors.New("redis: the address is neither host:port, like localhost:6379, nor a redis://, rediss:// or unix:// URL")
		}
		return Settings{Network: "tcp", Address: address}, nil
	}
	switch scheme {
	case "redis", "rediss", "unix":
	default:
		return Settings{}, fmt.Errorf("redis: unknown scheme %q: it is redis://, rediss:// (TLS) or unix://", scheme)
	}
	u, err := url.Parse(address)
	if err != nil {
		var bad *url.Error
		if errors.As(err, &bad) {
			err = bad.Err // without the URL
		}
		return Settings{}, fmt.Errorf("redis: the %s:// URL cannot be read (%s); special characters in its password need %%-escapes, or use the password subdirective", scheme, hideQuoted(err))
	}
	if u.Port() != "" {
		if err := checkPort(u.Port()); err != nil {
			return Settings{}, fmt.Errorf("redis: %w", err)
		}
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return Settings{}, fmt.Errorf("redis: the %s:// URL cannot be used: %s", scheme, hideQuoted(err))
	}
	return Settings{
		Network: o.Network, Address: o.Addr, DB: o.DB, url: o,
		Secrets: Secrets{Username: o.Username, Password: o.Password, TLS: o.TLSConfig},
	}, nil
}

// IsHostPort reports whether the address is host:port.
func IsHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	return err == nil && host != "" && checkPort(port) == nil
}

func checkPort(port string) error {
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return errors.New("the address has no port from 1 to 65535")
	}
	return nil
}

// hideQuoted cuts what an error quotes, which may be part of a secret.
func hideQuoted(err error) string {
	text, _, _ := strings.Cut(err.Error(), `"`)
	return strings.TrimRight(text, " :")
}
