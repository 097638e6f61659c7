package sse

import (
	"errors"
	"fmt"
	"strings"

	redisbroker "github.com/caddy-sse/caddy-sse/internal/broker/redis"
)

// RedisCluster says where a Redis Cluster is.
type RedisCluster struct {
	// The addresses of some of its nodes, each host:port: they know the others. A
	// placeholder may hold several, separated by commas or spaces.
	Addresses []string `json:"addresses,omitempty"`

	// Receive sharded Pub/Sub (`SPUBLISH`) besides `PUBLISH`, and publish so. It needs
	// Redis 7.0.
	Sharded bool `json:"sharded,omitempty"`

	// For addresses by which the nodes know each other, and which cannot be reached
	// from here, those that can, each host:port. Default: none.
	AddressMap map[string]string `json:"address_map,omitempty"`
}

// checkCluster checks what is known of the addresses.
func checkCluster(addresses []string, mapped map[string]string) error {
	if len(addresses) == 0 {
		return errors.New("redis cluster needs the address of at least one node, host:port")
	}
	if err := checkAddresses("redis cluster", "a node", "10.0.0.1:6379", addresses); err != nil {
		return err
	}
	if len(mapped) > maxMapped {
		return fmt.Errorf("redis cluster: address_map takes %d addresses at most, not %d", maxMapped, len(mapped))
	}
	for from, to := range mapped {
		for _, address := range []string{from, to} {
			if !strings.Contains(address, "{") && !redisbroker.IsHostPort(address) {
				return fmt.Errorf("redis cluster: address_map takes two addresses, each host:port, which %q is not", address)
			}
		}
	}
	return nil
}

var errClusterDB = errors.New("redis cluster: a cluster has no database but 0")

func (c *RedisCluster) settings(fill func(string) (string, error)) (*redisbroker.Cluster, error) {
	s := &redisbroker.Cluster{Sharded: c.Sharded, AddressMap: make(map[string]string, len(c.AddressMap))}
	var err error
	if s.Addresses, err = fillAddresses(c.Addresses, fill); err != nil {
		return nil, err
	}
	for from, to := range c.AddressMap {
		if from, err = fill(from); err != nil {
			return nil, err
		}
		if s.AddressMap[from], err = fill(to); err != nil {
			return nil, err
		}
	}
	return s, checkCluster(s.Addresses, s.AddressMap)
}
