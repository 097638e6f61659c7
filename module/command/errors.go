package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
)

// explain says why Caddy did not do what it was asked for.
func explain(address string, err error) error {
	_, answer, isAnswer := strings.Cut(err.Error(), "responded with error: HTTP ")
	if !isAnswer {
		if !answers(address) {
			return fmt.Errorf("nothing answers at %s: is Caddy running, and does its configuration not say `admin off`? --address names another admin endpoint (%w)", address, err)
		}
		return fmt.Errorf("caddy at %s: %w", address, err)
	}
	status, body, _ := strings.Cut(answer, ": ")
	var reply struct {
		Error string `json:"error"`
	}
	if json.Unmarshal([]byte(body), &reply) == nil && reply.Error != "" {
		return errors.New(reply.Error)
	}
	if status == "404" {
		return fmt.Errorf("the Caddy at %s has no gateway built in", address)
	}
	return fmt.Errorf("caddy at %s answered %s", address, strings.TrimSpace(answer))
}

// answers reports whether anything listens at an address; see
// [github.com/caddyserver/caddy/v2.ParseNetworkAddress].
func answers(address string) bool {
	network, host, isNamed := strings.Cut(address, "/")
	if !isNamed {
		network, host = "tcp", address
	}
	c, err := net.Dial(network, host)
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}
