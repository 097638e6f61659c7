package sse

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/broker/embedded"
	redisbroker "github.com/caddy-sse/caddy-sse/internal/broker/redis"
)

// DefaultRedis is the address of Redis unless one is configured.
const DefaultRedis = "localhost:6379"

// Redis says where Redis is and how to come in. Placeholders such as
// `{env.REDIS_URL}` and `{file./run/secrets/redis}` work in every text; they
// are filled in when the configuration is loaded, and those of the credentials and
// of TLS again for each new connection, so that secrets can be rotated.
type Redis struct {
	// The address: a `redis://`, `rediss://` (TLS) or `unix://` URL, or
	// host:port. Default: `localhost:6379`.
	Address string `json:"address,omitempty"`

	// Where to run an embedded server instead (host:port, loopback only), for
	// trying things out with no Redis installed. Not for production: it
	// forgets everything when Caddy ends.
	Embedded string `json:"embedded,omitempty"`

	// Ask these Redis Sentinels where Redis is, instead of an address.
	Sentinel *RedisSentinel `json:"sentinel,omitempty"`

	// Redis is this Redis Cluster, instead of one server at an address.
	Cluster *RedisCluster `json:"cluster,omitempty"`

	// The user; takes the place of the one in the URL.
	Username string `json:"username,omitempty"`

	// The user's password; takes the place of the one in the URL.
	Password string `json:"password,omitempty"`

	// The number of the database; takes the place of the one in the URL.
	// Redis' Pub/Sub spans all databases, Redis streams do not.
	DB string `json:"db,omitempty"`

	// The connections' name in `CLIENT LIST`; `off` sets none. Default:
	// `caddy-sse`. Where Redis refuses it, the connections have none.
	ClientName string `json:"client_name,omitempty"`

	// How long connecting may take. Default: 3s. From 100ms to 1m.
	DialTimeout caddy.Duration `json:"dial_timeout,omitempty"`

	// Have Redis turn on keyspace notifications of Redis streams, where they are
	// off, so that entries which an app adds by XADD alone arrive at once on any
	// number of channels with history. Otherwise the gateway uses them if they
	// are on, and if not, waits at up to 800 Redis streams itself. Where CONFIG
	// is denied, as managed services do, they are then taken as on, until it shows
	// that none come. An embedded server has none, and is waited at.
	KeyspaceNotifications bool `json:"keyspace_notifications,omitempty"`

	// TLS, also without a `rediss://` URL.
	TLS *RedisTLS `json:"tls,omitempty"`
}

// settings are the connection's, all placeholders filled in by repl. Errors name
// no secret.
func (r *Redis) settings(repl *caddy.Replacer) (s redisbroker.Settings, err error) {
	fill := func(s string) (string, error) {
		filled, err := repl.ReplaceOrErr(s, true, false)
		if err != nil {
			return "", fmt.Errorf("redis: %w", err)
		}
		return filled, nil
	}
	address := r.Address
	if r.Embedded != "" {
		address = r.Embedded
	}
	if address == "" {
		address = DefaultRedis
	}
	if address, err = fill(address); err != nil {
		return s, err
	}
	if r.Sentinel != nil {
		s.Sentinel, err = r.Sentinel.settings(fill)
	} else if r.Cluster != nil {
		s.Cluster, err = r.Cluster.settings(fill)
	} else {
		s, err = redisbroker.ParseAddress(address)
	}
	if err != nil {
		return s, err
	}
	var db string
	s.ClientName = "caddy-sse"
	for _, f := range []struct {
		from string
		to   *string
	}{
		{r.Username, &s.Secrets.Username},
		{r.Password, &s.Secrets.Password},
		{r.ClientName, &s.ClientName},
		{r.DB, &db},
	} {
		if f.from == "" {
			continue
		}
		if *f.to, err = fill(f.from); err != nil {
			return s, err
		}
	}
	if db != "" {
		if s.DB, err = parseDB(db); err != nil {
			return s, err
		}
		if r.Cluster != nil && s.DB != 0 {
			return s, errClusterDB
		}
	}
	if err := checkClientName(s.ClientName); err != nil {
		return s, err
	}
	if s.ClientName == "off" {
		s.ClientName = ""
	}
	s.DialTimeout = time.Duration(r.DialTimeout)
	s.KeyspaceNotifications = r.KeyspaceNotifications && r.Embedded == "" // which has none
	if r.TLS != nil {
		if s.Secrets.TLS, err = r.TLS.config(s.Secrets.TLS, fill); err != nil {
			return s, err
		}
	}
	if r.Sentinel != nil {
		if err := r.Sentinel.addSecrets(&s.Secrets, fill); err != nil {
			return s, err
		}
	}
	s.Reread = func() (redisbroker.Secrets, error) {
		again, err := r.settings(caddy.NewReplacer())
		return again.Secrets, err
	}
	return s, nil
}

// fillAddresses fills in addresses, of which each placeholder may hold several.
func fillAddresses(addresses []string, fill func(string) (string, error)) (all []string, err error) {
	for _, address := range addresses {
		filled, err := fill(address)
		if err != nil {
			return nil, err
		}
		all = append(all, strings.FieldsFunc(filled, func(c rune) bool { return c == ',' || c == ' ' })...)
	}
	return all, nil
}

// checkAddresses checks what is known of addresses of something.
func checkAddresses(line, what, example string, addresses []string) error {
	if len(addresses) > maxAddresses {
		return fmt.Errorf("%s takes %d addresses at most, not %d", line, maxAddresses, len(addresses))
	}
	for i, address := range addresses {
		if strings.Contains(address, "{") {
			continue
		}
		if !redisbroker.IsHostPort(address) {
			return fmt.Errorf("%s: %q is not the host:port of %s, like %s", line, address, what, example)
		}
		if slices.Contains(addresses[:i], address) {
			return fmt.Errorf("%s: %s stands here twice", line, address)
		}
	}
	return nil
}

const (
	// maxAddresses is how many sentinels, or nodes of a cluster, can be named.
	maxAddresses = 32
	// maxMapped is how many addresses address_map has at most.
	maxMapped = 256
)

func checkClientName(name string) error {
	if strings.ContainsAny(name, " \n\r\t") {
		return fmt.Errorf("redis: client_name %q: Redis allows no spaces in it", name)
	}
	return nil
}

func parseDB(s string) (int, error) {
	db, err := strconv.Atoi(s)
	if err != nil || db < 0 {
		return 0, fmt.Errorf("redis: db %q is not a number from 0", s)
	}
	return db, nil
}

// fingerprint is equal for settings that lead to the same server in the same
// way, and tells nothing of the secrets in them. Those and what else is read again for
// each connection count as they are written here, by their placeholders and paths, and
// all others as s has them.
func (r *Redis) fingerprint(s redisbroker.Settings) string {
	written := *r
	written.Embedded, written.DB, written.ClientName, written.DialTimeout, written.KeyspaceNotifications = "", "", "", 0, false
	if n := r.Sentinel; n != nil {
		written.Sentinel = &RedisSentinel{Username: n.Username, Password: n.Password, TLS: n.TLS}
	}
	if written.Cluster != nil {
		written.Cluster = new(RedisCluster)
	}
	// Of a field that somebody adds and forgets here, at worst a change too many counts.
	text, err := json.Marshal([]any{s, written, r.Embedded != ""})
	if err != nil {
		panic(err) // there is nothing in it that JSON has not
	}
	sum := sha256.Sum256(text)
	return string(sum[:])
}

// validate checks what can be known of the settings before placeholders are
// filled in, so that a Caddyfile's error has its line.
func (r *Redis) validate() error {
	if r.Address != "" && r.Embedded != "" {
		return errors.New("redis: an address and an embedded server exclude each other")
	}
	if r.Sentinel != nil {
		if r.Address != "" || r.Embedded != "" {
			return errors.New("redis: sentinels take the place of an address and of an embedded server: they know where Redis is")
		}
		if err := cmp.Or(checkSentinel(r.Sentinel.Master, r.Sentinel.Addresses), r.Sentinel.TLS.validate()); err != nil {
			return err
		}
	}
	if r.Cluster != nil {
		if r.Address != "" || r.Embedded != "" || r.Sentinel != nil {
			return errors.New("redis: a cluster takes the place of an address, of an embedded server, and of sentinels")
		}
		if err := checkCluster(r.Cluster.Addresses, r.Cluster.AddressMap); err != nil {
			return err
		}
	}
	if r.Embedded != "" && (cmp.Or(r.Username, r.Password, r.DB, r.ClientName) != "" || r.DialTimeout != 0 || r.TLS != nil) {
		return errors.New("redis: an embedded server has no setting but keyspace_notifications")
	}
	if r.Embedded != "" && !strings.Contains(r.Embedded, "{") {
		if err := embedded.CheckAddress(r.Embedded); err != nil {
			return err
		}
	}
	if r.Address != "" && !strings.Contains(r.Address, "{") {
		if _, err := redisbroker.ParseAddress(r.Address); err != nil {
			return err
		}
	}
	if !strings.Contains(r.ClientName, "{") {
		if err := checkClientName(r.ClientName); err != nil {
			return err
		}
	}
	if err := bounds.Duration("redis: dial_timeout", r.DialTimeout, bounds.Shortest, time.Minute); err != nil {
		return err
	}
	if err := r.TLS.validate(); err != nil {
		return err
	}
	if r.DB != "" && !strings.Contains(r.DB, "{") {
		db, err := parseDB(r.DB)
		if err != nil {
			return err
		}
		if r.Cluster != nil && db != 0 {
			return errClusterDB
		}
	}
	return nil
}
