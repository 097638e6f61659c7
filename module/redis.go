package sse

import (
	"cmp"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/redis/go-redis/v9"

	"github.com/caddy-sse/caddy-sse/internal/bounds"
	"github.com/caddy-sse/caddy-sse/internal/bus"
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

// RedisTLS says how to trust Redis and be trusted.
type RedisTLS struct {
	// A PEM file with the authorities to trust. Default: the system's.
	CA string `json:"ca,omitempty"`

	// A PEM file with the certificate to present. Default: none.
	Cert string `json:"cert,omitempty"`

	// A PEM file with the certificate's key. One needs the other.
	Key string `json:"key,omitempty"`

	// The name that the server's certificate must have. Default: its host.
	ServerName string `json:"server_name,omitempty"`

	// Trust any certificate. Anyone who sits between can then read and write
	// everything, the password too.
	InsecureSkipVerify bool `json:"insecure_skip_verify,omitempty"`
}

// options are the connection's, all placeholders filled in by repl. Errors name
// no secret.
func (r *Redis) options(repl *caddy.Replacer) (*redis.Options, error) {
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
	address, err := fill(address)
	if err != nil {
		return nil, err
	}
	o, err := parseAddress(address)
	if err != nil {
		return nil, err
	}
	var db string
	o.ClientName = "caddy-sse"
	for _, f := range []struct {
		from string
		to   *string
	}{
		{r.Username, &o.Username},
		{r.Password, &o.Password},
		{r.ClientName, &o.ClientName},
		{r.DB, &db},
	} {
		if f.from == "" {
			continue
		}
		if *f.to, err = fill(f.from); err != nil {
			return nil, err
		}
	}
	if db != "" {
		if o.DB, err = parseDB(db); err != nil {
			return nil, err
		}
	}
	if err := checkClientName(o.ClientName); err != nil {
		return nil, err
	}
	if o.ClientName == "off" {
		o.ClientName = ""
	}
	o.DialTimeout = time.Duration(r.DialTimeout)
	if r.TLS != nil {
		if o.TLSConfig, err = r.TLS.config(o.TLSConfig, fill); err != nil {
			return nil, err
		}
	}
	return o, nil
}

var errCertWithoutKey = errors.New("redis: tls cert and key belong together: one is missing")

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

// parseAddress reads a URL or host:port. Its errors do not hold the address,
// since that may hold a password.
func parseAddress(address string) (*redis.Options, error) {
	scheme, _, isURL := strings.Cut(address, "://")
	if !isURL {
		host, port, err := net.SplitHostPort(address)
		if err == nil {
			err = checkPort(port)
		}
		if err != nil || host == "" {
			return nil, errors.New("redis: the address is neither host:port, like localhost:6379, nor a redis://, rediss:// or unix:// URL")
		}
		return &redis.Options{Network: "tcp", Addr: address}, nil
	}
	switch scheme {
	case "redis", "rediss", "unix":
	default:
		return nil, fmt.Errorf("redis: unknown scheme %q: it is redis://, rediss:// (TLS) or unix://", scheme)
	}
	u, err := url.Parse(address)
	if err != nil {
		var bad *url.Error
		if errors.As(err, &bad) {
			err = bad.Err // without the URL
		}
		return nil, fmt.Errorf("redis: the %s:// URL cannot be read (%s); special characters in its password need %%-escapes, or use the password subdirective", scheme, hideQuoted(err))
	}
	if u.Port() != "" {
		if err := checkPort(u.Port()); err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
	}
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, fmt.Errorf("redis: the %s:// URL cannot be used: %s", scheme, hideQuoted(err))
	}
	return o, nil
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

// fingerprint is equal for settings that lead to the same server in the same
// way, and tells nothing of the secrets in them. Credentials and files count as
// they are written here, by their placeholders and paths: what they hold is read
// again for each connection; see [secrets].
func (r *Redis) fingerprint(o *redis.Options) string {
	h := sha256.New()
	embeds := r.Embedded != "" // which has no notifications, and whose port is taken
	fmt.Fprintf(h, "%t %t %q %q %d %q %q %q %q %q", embeds, r.KeyspaceNotifications && !embeds, o.Network, o.Addr, o.DB, o.ClientName, o.DialTimeout, r.Address, r.Username, r.Password)
	if t := r.TLS; t != nil {
		fmt.Fprintf(h, " tls %q %q %q %q %t", t.CA, t.Cert, t.Key, t.ServerName, t.InsecureSkipVerify)
	}
	return string(h.Sum(nil))
}

// config adds the settings to c, the TLS configuration of a rediss:// URL if
// there is one.
func (t *RedisTLS) config(c *tls.Config, fill func(string) (string, error)) (*tls.Config, error) {
	if c == nil {
		c = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	var ca, cert, key string
	for _, f := range []struct {
		from string
		to   *string
	}{{t.CA, &ca}, {t.Cert, &cert}, {t.Key, &key}, {t.ServerName, &c.ServerName}} {
		if f.from == "" {
			continue
		}
		var err error
		if *f.to, err = fill(f.from); err != nil {
			return nil, err
		}
	}
	c.InsecureSkipVerify = c.InsecureSkipVerify || t.InsecureSkipVerify //nolint:gosec // the user asked for it by name
	if ca != "" {
		trusted, err := os.ReadFile(ca) //nolint:gosec // the operator names the file
		if err != nil {
			return nil, fmt.Errorf("redis: tls ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(trusted) {
			return nil, fmt.Errorf("redis: tls ca: %s holds no certificate in PEM", ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, errCertWithoutKey
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("redis: tls cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// validate checks what can be known of the settings before placeholders are
// filled in, so that a Caddyfile's error has its line.
func (r *Redis) validate() error {
	if r.Address != "" && r.Embedded != "" {
		return errors.New("redis: an address and an embedded server exclude each other")
	}
	if r.Embedded != "" && (cmp.Or(r.Username, r.Password, r.DB, r.ClientName) != "" || r.DialTimeout != 0 || r.TLS != nil) {
		return errors.New("redis: an embedded server has no setting but keyspace_notifications")
	}
	if r.Embedded != "" && !strings.Contains(r.Embedded, "{") {
		if err := bus.CheckEmbedded(r.Embedded); err != nil {
			return err
		}
	}
	if r.Address != "" && !strings.Contains(r.Address, "{") {
		if _, err := parseAddress(r.Address); err != nil {
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
	if r.TLS != nil && (r.TLS.Cert == "") != (r.TLS.Key == "") {
		return errCertWithoutKey
	}
	if r.DB != "" && !strings.Contains(r.DB, "{") {
		if _, err := parseDB(r.DB); err != nil {
			return err
		}
	}
	return nil
}
