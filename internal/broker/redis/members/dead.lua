-- Returns up to 10 gateways whose leases have ended.
--   KEYS  the gateways
return redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now()), 'LIMIT', 0, 10)
