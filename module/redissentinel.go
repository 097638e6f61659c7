package sse

import (
	"errors"
	"strings"

	redisbroker "github.com/caddy-sse/caddy-sse/internal/broker/redis"
)

// RedisSentinel names Redis Sentinels, who know where the master is. All of them are
// asked each second, and tell of a fail-over when it happens.
type RedisSentinel struct {
	// The name by which they know the master, such as `mymaster`.
	Master string `json:"master,omitempty"`

	// Their addresses, each host:port. A placeholder may hold several, separated by
	// commas or spaces.
	Addresses []string `json:"addresses,omitempty"`

	// The user at the sentinels. Default: Redis' default user.
	Username string `json:"username,omitempty"`

	// The user's password at the sentinels. Default: none.
	Password string `json:"password,omitempty"`

	// TLS to the sentinels. Default: as to Redis.
	TLS *RedisTLS `json:"tls,omitempty"`
}

func (n *RedisSentinel) addSecrets(to *redisbroker.Secrets, fill func(string) (string, error)) (err error) {
	if to.SentinelUsername, err = fill(n.Username); err != nil {
		return err
	}
	if to.SentinelPassword, err = fill(n.Password); err != nil {
		return err
	}
	if to.SentinelTLS = to.TLS; n.TLS != nil {
		to.SentinelTLS, err = n.TLS.config(nil, fill)
	}
	return err
}

// checkSentinel checks what is known of the name and the addresses.
func checkSentinel(master string, addresses []string) error {
	if master == "" || strings.ContainsAny(master, " \n\r\t") {
		return errors.New("redis sentinel needs the name by which the sentinels know the master, such as mymaster, and it holds no spaces")
	}
	if len(addresses) == 0 {
		return errors.New("redis sentinel needs the addresses of sentinels, each host:port, after the name of the master")
	}
	return checkAddresses("redis sentinel", "a sentinel", "10.0.0.1:26379", addresses)
}

// settings are those of the sentinels but for their secrets.
func (n *RedisSentinel) settings(fill func(string) (string, error)) (*redisbroker.Sentinel, error) {
	s := new(redisbroker.Sentinel)
	var err error
	if s.Master, err = fill(n.Master); err != nil {
		return nil, err
	}
	if s.Addresses, err = fillAddresses(n.Addresses, fill); err != nil {
		return nil, err
	}
	return s, checkSentinel(s.Master, s.Addresses)
}
