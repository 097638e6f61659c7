package sse

import (
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-sse/caddy-sse/internal/block"
	"github.com/caddy-sse/caddy-sse/internal/broker/embedded"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("sse", parseGlobalOption)
}

func parseGlobalOption(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		d.Next()
		return nil, d.Err("the global option sse stands here twice")
	}
	var a App
	if err := a.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "sse", Value: caddyconfig.JSON(a, nil)}, nil
}

// UnmarshalCaddyfile sets up the app from Caddyfile tokens. Syntax:
//
//	sse {
//		redis [<address>] {
//			username <name>
//			password <password>
//			db <number>
//			client_name <name>
//			dial_timeout <duration>
//			keyspace_notifications
//			tls {
//				ca <file>
//				cert <file>
//				key <file>
//				server_name <name>
//				insecure_skip_verify
//			}
//		}
//		redis sentinel <master> <host:port>... {
//			sentinel_username <name>
//			sentinel_password <password>
//			sentinel_tls {
//				...
//			}
//			...
//		}
//		redis cluster <host:port>... {
//			sharded
//			address_map <host:port> <host:port>
//			...
//		}
//		redis embedded [<host:port>]
//		heartbeat <duration> [comment|event]|off
//		retry <duration>
//		pending <size>
//		write_timeout <duration>
//		drain <duration>|0
//		recent <events> [<size>]
//		linger <duration>|0
//		memory <size>
//		gap_spread <duration>|0
//		presence_ttl <duration>
//		metrics {
//			per_channel <pattern>...
//			max <n>
//		}
//		limits {
//			subscribers <n>|unlimited
//			subscribers_per_ip <n>
//			subscribers_per_member <n>
//			channels <n>|unlimited
//			channels_per_subscriber <n>
//			connect_rate <n>/s
//			publish_rate <n>/s
//			overload busy|refuse
//		}
//	}
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the option's name
	if d.NextArg() {
		return d.ArgErr()
	}
	return block.Parse(d, block.Subdirectives{
		"redis": func() error {
			a.Redis = new(Redis)
			return a.Redis.unmarshalCaddyfile(d)
		},
		"heartbeat":     ParseHeartbeat(d, &a.Heartbeat, &a.HeartbeatAs),
		"retry":         block.Duration(d, &a.Retry),
		"pending":       block.Size(d, &a.Pending),
		"write_timeout": block.Duration(d, &a.WriteTimeout),
		"drain":         block.DurationOr(d, "0", &a.Drain),
		"recent": func() error {
			a.Recent = new(Recent)
			return a.Recent.UnmarshalCaddyfile(d)
		},
		"linger":     block.DurationOr(d, "0", &a.Linger),
		"memory":     block.Size(d, &a.Memory),
		"gap_spread": block.DurationOr(d, "0", &a.GapSpread),

		"metrics": func() error {
			a.Metrics = new(Metrics)
			return a.Metrics.UnmarshalCaddyfile(d)
		},
		"limits": func() error {
			a.Limits = new(Limits)
			return a.Limits.UnmarshalCaddyfile(d, true)
		},
		"presence_ttl": block.Duration(d, &a.PresenceTTL),
	}.CheckedBy(d, a.check))
}

func (r *Redis) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	switch {
	case len(args) > 0 && args[0] == "embedded":
		r.Embedded = embedded.DefaultAddress
		if len(args) == 2 {
			if r.Embedded = args[1]; r.Embedded == "" {
				return d.Err("redis embedded: the address is empty: leave it out for " + embedded.DefaultAddress)
			}
		}
		if len(args) > 2 {
			return d.Err("redis embedded takes one host:port at most")
		}
	case len(args) > 0 && args[0] == "sentinel":
		r.Sentinel = new(RedisSentinel)
		if len(args) > 1 {
			r.Sentinel.Master, r.Sentinel.Addresses = args[1], args[2:]
		}
	case len(args) > 0 && args[0] == "cluster":
		r.Cluster = &RedisCluster{Addresses: args[1:]}
	case len(args) == 1 && args[0] == "":
		return d.Err("redis: the address is empty: leave it out for " + DefaultRedis)
	case len(args) == 1:
		r.Address = args[0]
	case len(args) > 1:
		return d.Err("redis takes one address: a redis://, rediss:// or unix:// URL, or host:port; or `sentinel`, the name of a master, and the addresses of sentinels; or `cluster`, and the addresses of nodes")
	}
	if err := r.validate(); err != nil {
		return d.WrapErr(err)
	}
	subs := block.Subdirectives{
		"username":               block.Text(d, &r.Username),
		"password":               block.Text(d, &r.Password),
		"db":                     block.Text(d, &r.DB),
		"client_name":            block.Text(d, &r.ClientName),
		"dial_timeout":           block.Duration(d, &r.DialTimeout),
		"keyspace_notifications": block.Flag(d, &r.KeyspaceNotifications),
		"tls": func() error {
			r.TLS = new(RedisTLS)
			return r.TLS.unmarshalCaddyfile(d)
		},
	}
	if n := r.Sentinel; n != nil {
		subs["sentinel_username"] = block.Text(d, &n.Username)
		subs["sentinel_password"] = block.Text(d, &n.Password)
		subs["sentinel_tls"] = func() error {
			n.TLS = new(RedisTLS)
			return n.TLS.unmarshalCaddyfile(d)
		}
	}
	if r.Cluster != nil {
		subs["sharded"] = block.Flag(d, &r.Cluster.Sharded)
		subs["address_map"] = func() error { return r.Cluster.unmarshalMapping(d) }
	}
	if r.Embedded != "" {
		// So that the same lines serve a real one, which an environment names.
		subs = block.Subdirectives{"keyspace_notifications": subs["keyspace_notifications"]}
	}
	return block.Parse(d, subs.CheckedBy(d, r.validate), "address_map")
}

// unmarshalMapping reads a line `address_map`, of which there may be several.
func (c *RedisCluster) unmarshalMapping(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 2 {
		return d.Err("address_map takes an address by which the nodes know one of them, and the one at which that is reached")
	}
	if _, again := c.AddressMap[args[0]]; again {
		return d.Errf("address_map of %s stands here twice", args[0])
	}
	if c.AddressMap == nil {
		c.AddressMap = make(map[string]string)
	}
	c.AddressMap[args[0]] = args[1]
	return nil
}

func (t *RedisTLS) unmarshalCaddyfile(d *caddyfile.Dispenser) error {
	if d.CountRemainingArgs() > 0 {
		return d.Err(d.Val() + " takes no argument, only a block")
	}
	return block.Parse(d, block.Subdirectives{
		"ca":                   block.Text(d, &t.CA),
		"cert":                 block.Text(d, &t.Cert),
		"key":                  block.Text(d, &t.Key),
		"server_name":          block.Text(d, &t.ServerName),
		"insecure_skip_verify": block.Flag(d, &t.InsecureSkipVerify),
	})
}

// Interface guard
var _ caddyfile.Unmarshaler = (*App)(nil)
